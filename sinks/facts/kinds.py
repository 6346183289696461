"""Facts: the topic that carries each kind, and how many rows it becomes."""

from collections.abc import Mapping

from schemas.events import DeadLetter, Play, VisitEnded, WindowClosed
from sinks.facts.columns import UNKNOWN, WRITE_ORDER, Fact

__all__ = ["TOPICS", "UNKNOWN", "WRITE_ORDER", "Fact", "rows_in"]

TOPICS: Mapping[type, str] = {
    VisitEnded: "visits",
    WindowClosed: "campaign_windows",
    Play: "plays",
    DeadLetter: "dead_letters",
}
"""The topic that carries each kind of fact."""


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
