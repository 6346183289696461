"""`onlooker query`: one SQL question to ClickHouse, answered as a table or as JSON lines."""

import click

from onlooker.cli.options import Given, json_option, settings_options
from onlooker.cli.output import print_json_lines, print_lines
from onlooker.foreground.terminal import Terminal
from onlooker.reporting.answers import answer_lines
from onlooker.reporting.plain import plain
from onlooker.wiring.database import opened
from sinks.store.clickhouse import Streamed
from sinks.store.outputs import require_answered_here


@click.command()
@click.argument("sql")
@settings_options("database")
@json_option("For programs: one JSON object a row.")
def query(sql: str, given: Given, as_json: bool) -> None:
    """Ask ClickHouse in SQL; nothing can be changed this way.

    While `onlooker run` is running its server answers, afterwards one is started for the question. Rows are
    printed as they come; Ctrl-C ends the question on the server, too.

    \b
    Examples:
      onlooker query 'SHOW TABLES'
      onlooker query 'DESCRIBE v_campaign_report'
      onlooker query 'SELECT campaign_id, ots, watchers, notice_ratio FROM v_campaign_totals'
      onlooker query --json 'SELECT * FROM v_visits ORDER BY started_at' > visits.jsonl
    """
    with opened(given.settings("clickhouse")) as store:
        require_answered_here(store, sql)
        with store.streamed(sql) as answer:
            (_print_json if as_json else _print_table)(answer)


def _print_json(answer: Streamed) -> None:
    rows = (map(plain, row) for row in answer.rows)
    print_json_lines(dict(zip(answer.names, row, strict=True)) for row in rows)


def _print_table(answer: Streamed) -> None:
    console = Terminal()
    print_lines(answer_lines(answer.names, answer.rows, console.width if console.is_terminal else None))
