"""Taking partitions over: what is known of each, where to go on, and what there is to say about it."""

import logging
from collections.abc import Callable, Mapping

from schemas.metrics import Meter
from sinks.service.feed import Feed, Membership, TopicPartition
from sinks.service.offsets import Known, Start, Written, start_of

log = logging.getLogger(__name__)


def starts_of(
    membership: Membership,
    feed: Feed,
    written: Callable[[Mapping[TopicPartition, str]], Mapping[TopicPartition, Written]],
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
    if start.missing_from is not None:
        log.error(
            "%s:%s: the database ends at offset %s, the group is at %s: rows are missing here. To write "
            "them, set the group's offset back to %s while no sink runs",
            *tp,
            start.missing_from,
            start.lo,
            start.missing_from,
        )


def tell_expired(meter: Meter, tp: TopicPartition, count: int) -> None:
    """Count and log messages that nobody has written and that are gone."""
    log.error("%s:%s: %s messages expired before anybody wrote them", *tp, count)
    meter.count("messages_ignored", count, topic=tp[0], cause="expired")
