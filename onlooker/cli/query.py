"""`onlooker query`: one SQL question to ClickHouse, answered as a table or as JSON lines."""

import sys
from pathlib import Path

import click
import msgspec
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from onlooker.reporting.opening import database_options, opened
from onlooker.reporting.plain import plain
from sinks.clickhouse import Answer


@click.command()
@click.argument("sql")
@database_options
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON object a row.")
def query(sql: str, data_dir: Path | None, url: str | None, as_json: bool) -> None:
    """Ask ClickHouse in SQL; nothing can be changed this way.

    While `onlooker run` is running its server answers, afterwards one is started for the question.

    \b
    Examples:
      onlooker query 'SHOW TABLES'
      onlooker query 'DESCRIBE v_campaign_report'
      onlooker query 'SELECT campaign_id, ots, watchers, notice_ratio FROM v_campaign_totals'
      onlooker query --json 'SELECT * FROM v_visits ORDER BY started_at'
    """
    with opened(data_dir, url) as store:
        answer = store.answer(sql)
    if as_json:
        _print_json(answer)
    else:
        _print_table(answer)


def _print_json(answer: Answer) -> None:
    for row in answer.rows:
        line = {name: plain(value) for name, value in zip(answer.names, row, strict=True)}
        sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    sys.stdout.buffer.flush()


def _print_table(answer: Answer) -> None:
    table = Table(box=box.SIMPLE_HEAD)
    for place, name in enumerate(answer.names):
        numbers = all(isinstance(row[place], int | float) for row in answer.rows[:100])
        table.add_column(name, justify="right" if numbers else "left", overflow="fold")
    for row in answer.rows:
        table.add_row(*(_cell(value) for value in row))
    console = Console()
    if not console.is_terminal:
        console = Console(width=max(Console(width=100_000).measure(table).maximum, 80))
    console.print(table)


def _cell(value: object) -> str:
    if value is None:
        return "NULL"
    return f"{value:.6g}" if isinstance(value, float) else escape(str(plain(value)))
