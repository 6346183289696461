"""Facts as the embedded run hands them over: their topics, and where each came from."""

from collections.abc import Mapping

import msgspec

from schemas.events import DeadLetter, Play, VisitEnded, WindowClosed
from sinks.facts.columns import UNKNOWN, WRITE_ORDER, Fact

__all__ = ["TOPICS", "UNKNOWN", "WRITE_ORDER", "Fact", "SourcedFact", "rows_in"]

TOPICS: Mapping[type, str] = {
    VisitEnded: "visits",
    WindowClosed: "campaign_windows",
    Play: "plays",
    DeadLetter: "dead_letters",
}
"""The topic that carries each kind of fact."""


class SourcedFact(msgspec.Struct, frozen=True, kw_only=True):
    """A fact with its place in its partition."""

    fact: Fact
    offset: int


def rows_in(fact: Fact | None) -> int:
    """How many rows a fact becomes.

    Args:
        fact: a fact, or None for a message without one.

    Returns:
        Rows of all tables.
    """
    if isinstance(fact, VisitEnded):
        return 1 + len(fact.exposures)
    if isinstance(fact, WindowClosed):
        return 1 + len(fact.campaigns) + len(fact.audience)
    return int(fact is not None)
