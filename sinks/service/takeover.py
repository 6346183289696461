"""Taking partitions over: what is known of each, where to go on, and what there is to say about it."""

import logging
from collections.abc import Callable, Mapping

from schemas.metrics import Meter
from sinks.service.binding import OtherDatabaseError, bind
from sinks.service.feed import Feed, Membership, TopicPartition
from sinks.service.offsets import Known, Start, Written, start_of
from sinks.store.identity import Identity

log = logging.getLogger(__name__)
WrittenOf = Callable[[Mapping[TopicPartition, str]], Mapping[TopicPartition, Written]]
"""Says below which offset each partition is written, by its incarnation; none for one without a batch."""


def bound(membership: Membership, feed: Feed, written: WrittenOf, database: Identity) -> None:
    """As `bind`; a database that is refused is told first which rows it lacks.

    Raises:
        OtherDatabaseError: the group is bound to another one.
    """
    try:
        bind(membership, feed, database)
    except OtherDatabaseError:
        for tp, start in starts_of(membership, feed, written).items():
            tell_missing(tp, start)
        raise


def starts_of(
    membership: Membership,
    feed: Feed,
    written: WrittenOf,
) -> dict[TopicPartition, Start]:
    """Where to go on with each partition that this process owns now.

    Args:
        membership: names them.
        feed: knows commits and bounds.
        written: says how far each is written; none for a partition without a batch.

    Raises:
        CheckFailedError: the brokers have lost messages.
        DependencyAwayError: somebody does not answer: ask again later.
    """
    tps = sorted(membership.incarnations)
    committed, bounds = feed.committed(tps), feed.bounds(tps)
    highest = written(membership.incarnations)
    return {
        tp: start_of(
            Known(
                tp=tp,
                incarnation=membership.incarnations[tp],
                committed=committed.get(tp),
                bounds=bounds[tp],
                written=highest.get(tp, Written()),
            )
        )
        for tp in tps
    }


def tell(meter: Meter, tp: TopicPartition, start: Start) -> None:
    """Count and log what is out of the ordinary about a partition's start."""
    meter.count("partitions_changed", topic=tp[0], change="given")
    if start.expired:
        tell_expired(meter, tp, start.expired)
    if start.skipped:
        log.warning("%s:%s: %s messages are written already and are left out", *tp, start.skipped)
        meter.count("messages_ignored", start.skipped, topic=tp[0], cause="written")
    tell_missing(tp, start)


def tell_missing(tp: TopicPartition, start: Start) -> None:
    """Log from which offset rows are missing in the database."""
    if start.missing_from is not None:
        log.error(
            "%s:%s: rows are missing in this database from offset %s on, the group is at %s. To write those "
            "that the topic still has, stop all sinks and run `onlooker rebind --from earliest`",
            *tp,
            start.missing_from,
            start.lo,
        )


def tell_expired(meter: Meter, tp: TopicPartition, count: int) -> None:
    """Count and log messages that nobody has written and that are gone."""
    log.error("%s:%s: %s messages expired before anybody wrote them", *tp, count)
    meter.count("messages_ignored", count, topic=tp[0], cause="expired")
