"""Taking partitions over: what is known of each, where to go on, and what there is to say about it."""

import logging
from collections.abc import Callable, Mapping

from schemas.metrics import Meter
from sinks.service.feed import Feed, Membership, TopicPartition
from sinks.service.offsets import Known, Start, start_of

log = logging.getLogger(__name__)


def starts_of(
    membership: Membership,
    feed: Feed,
    written: Callable[[Mapping[TopicPartition, str]], Mapping[TopicPartition, int]],
) -> dict[TopicPartition, Start]:
    """Where to go on with each partition that this process owns now.

    Args:
        membership: names them.
        feed: knows commits and bounds.
        written: says below which offset each is written; none for a partition without a batch.

    Raises:
        CheckFailedError: the brokers have lost messages.
        DependencyAwayError: somebody does not answer: ask again later.
    """
    places = sorted(membership.incarnations)
    committed, bounds = feed.committed(places), feed.bounds(places)
    highest = written(membership.incarnations)
    return {
        place: start_of(
            Known(
                place=place,
                incarnation=membership.incarnations[place],
                committed=committed.get(place),
                bounds=bounds[place],
                written_hi=highest.get(place),
            )
        )
        for place in places
    }


def tell(meter: Meter, place: TopicPartition, start: Start) -> None:
    """Count and log what is out of the ordinary about a partition's start."""
    meter.count("partitions_changed", topic=place[0], change="given")
    if start.expired:
        tell_expired(meter, place, start.expired)
    if start.skipped:
        log.warning("%s:%s: %s messages are written already and are left out", *place, start.skipped)
        meter.count("messages_ignored", start.skipped, topic=place[0], cause="written")
    if start.missing_from is not None:
        log.error(
            "%s:%s: the database ends at offset %s, the group is at %s: rows are missing here. To write "
            "them, set the group's offset back to %s while no sink runs",
            *place,
            start.missing_from,
            start.lo,
            start.missing_from,
        )


def tell_expired(meter: Meter, place: TopicPartition, count: int) -> None:
    """Count and log messages that nobody has written and that are gone."""
    log.error("%s:%s: %s messages expired before anybody wrote them", *place, count)
    meter.count("messages_ignored", count, topic=place[0], cause="expired")
