"""What a replay gave: the objects of `replay --json`, and the same in words."""

from collections.abc import Iterator, Mapping

import msgspec

from schemas.topics import Topic


class ReplayedHere(msgspec.Struct, frozen=True, kw_only=True):
    """A recording that was measured in this process."""

    events: Mapping[Topic, int]
    """What was replayed, by topic."""
    facts: Mapping[Topic, int]
    """What was measured, by topic."""
    unreadable: int
    bad_pictures: int
    rounds: int
    digest: str
    """Of visits and windows."""
    digests: Mapping[Topic, str]
    expected: str | None
    """What the facts were compared with."""
    data_dir: str | None
    """Where the facts are stored."""
    seconds: float = 0.0
    events_per_second: float = 0.0
    interrupted: bool = False


class ReplayedToKafka(msgspec.Struct, frozen=True, kw_only=True):
    """A recording that was sent to the brokers."""

    events: Mapping[Topic, int]
    unreadable: int
    rounds: int
    prefix: str | None
    bootstrap: str
    seconds: float = 0.0
    events_per_second: float = 0.0
    interrupted: bool = False


Replayed = ReplayedHere | ReplayedToKafka


def lines_of(found: Replayed) -> Iterator[str]:
    """What a replay gave, in lines for a person."""
    yield f"replayed    {_counted(found.events)}"
    if isinstance(found, ReplayedHere):
        yield f"measured    {_counted(found.facts)}"
        yield f"digest      {found.digest}"
    else:
        yield f"sent to     {found.bootstrap}, prefix {found.prefix}"
    yield f"speed       {found.events_per_second:.0f} events/s in {found.seconds:.1f} s"
    if found.unreadable:
        yield f"left out    {found.unreadable} recorded messages were no events"
    if isinstance(found, ReplayedToKafka):
        return
    if found.bad_pictures:
        yield f"left out    {found.bad_pictures} bad pictures"
    if found.expected and not found.interrupted:
        yield f"as expected by {found.expected}"
    if found.data_dir:
        yield f"The figures are in {found.data_dir}: onlooker report --data-dir {found.data_dir}"


def _counted(counts: Mapping[Topic, int]) -> str:
    return ", ".join(f"{count} {topic}" for topic, count in counts.items()) or "nothing"
