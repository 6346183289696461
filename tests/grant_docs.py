"""Adds to docs/security.md what services need for the facts there are: `python -m tests.grant_docs`."""

import re
from collections.abc import Iterable
from pathlib import Path

from schemas.kinds import kinds
from schemas.topics import TopicNames
from sinks.reprocessing.side import SIDE_TABLES

PAGE = Path(__file__).resolve().parent.parent / "docs" / "security.md"


def page_with_grants(page: str) -> str:
    """The page with a grant for every table and topic of a fact; those that are there stay."""
    topics = [TopicNames().name(topic) for topic in kinds().topics(lambda kind: kind.tables)]
    tables = [table.name for kind in kinds().all for table in kind.tables]
    page = _with(page, r"\| `sink` \| (?P<all>[^|]*) \|", ((f"`{name}`", ", ") for name in topics))
    page = _with(
        page, r"  (?P<all>--topic .*?) --group onlooker-sink", ((f"--topic {t}", " ") for t in topics)
    )
    for user, rights, names in (
        ("sink", "SELECT, INSERT", tables),
        ("reprocessor", "INSERT, ALTER DELETE", SIDE_TABLES.values()),
    ):
        grants = ((f"GRANT {rights} ON onlooker.{name} TO {user};", "\n") for name in names)
        one = rf"GRANT {rights} ON \S+ TO {user};"
        page = _with(page, f"(?P<all>{one}(\n{one})*)", grants)
    return page


def _with(page: str, pattern: str, wanted: Iterable[tuple[str, str]]) -> str:
    """The page whose part `all` has what is wanted: what is missing comes behind, after its separator."""
    match = re.search(pattern, page)
    assert match is not None, pattern
    found = match["all"]
    missing = "".join(f"{separator}{words}" for words, separator in wanted if words not in found)
    return page[: match.end("all")] + missing + page[match.end("all") :]


if __name__ == "__main__":
    PAGE.write_text(page_with_grants(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
