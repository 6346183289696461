"""docs/data.md says what the migrations say, and its questions have answers; docs/security.md grants it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from sinks.service.local import LocalSink
from sinks.store.clickhouse import ClickHouse
from sinks.store.embedded.server import EmbeddedServer
from sinks.store.migrate import migrate, released
from tests import grant_docs
from tests.facts import exposure, play, visit_ended, window
from tests.table_docs import PAGE, page_with_tables

QUESTIONS = re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
JANE = {"member_id": "Jane_Doe"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    with EmbeddedServer(tmp_path_factory.mktemp("docs") / "data") as running:
        client = ClickHouse(running.address())
        migrate(client, released())
        writer = LocalSink(client, run_id="docs")
        facts: tuple[Any, ...] = (
            play(),
            visit_ended("a", (exposure("a", play(), (1.0,), **JANE),), **JANE),
            window(),
        )
        for fact in facts:
            writer.add(fact)
        writer.flush()
        yield ClickHouse(running.address(analyst=True), read_only=True)


def test_the_columns_are_those_of_the_migrations() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page_with_tables(page) == page, "run python -m tests.table_docs"


def test_the_rights_are_those_that_the_facts_need() -> None:
    page = grant_docs.PAGE.read_text(encoding="utf-8")
    assert grant_docs.page_with_grants(page) == page, "run python -m tests.grant_docs"


@pytest.mark.clickhouse
@pytest.mark.parametrize("sql", QUESTIONS)
def test_every_question_has_an_answer(store: ClickHouse, sql: str) -> None:
    assert store.rows(sql) != []


def test_there_are_questions() -> None:
    assert len(QUESTIONS) >= 5
