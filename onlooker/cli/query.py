"""`onlooker query`: one SQL question to ClickHouse, answered as a table or as JSON lines."""

import click

from onlooker.cli.options import Given, json_option, settings_options
from onlooker.cli.output import print_json_lines
from onlooker.foreground.terminal import Terminal
from onlooker.reporting.answers import full_width, laid_out
from onlooker.reporting.plain import plain
from onlooker.wiring.database import opened
from sinks.store.clickhouse import Answer


@click.command()
@click.argument("sql")
@settings_options("database")
@json_option("For programs: one JSON object a row.")
def query(sql: str, given: Given, as_json: bool) -> None:
    """Ask ClickHouse in SQL; nothing can be changed this way.

    While `onlooker run` is running its server answers, afterwards one is started for the question.

    \b
    Examples:
      onlooker query 'SHOW TABLES'
      onlooker query 'DESCRIBE v_campaign_report'
      onlooker query 'SELECT campaign_id, ots, watchers, notice_ratio FROM v_campaign_totals'
      onlooker query --json 'SELECT * FROM v_visits ORDER BY started_at'
    """
    with opened(given.settings("clickhouse")) as store:
        answer = store.answer(sql)
    if as_json:
        rows = (map(plain, row) for row in answer.rows)
        print_json_lines(dict(zip(answer.names, row, strict=True)) for row in rows)
    else:
        _print_table(answer)


def _print_table(answer: Answer) -> None:
    console = Terminal()
    table = laid_out(answer, console.width if console.is_terminal else None)
    if not console.is_terminal:
        console = Terminal(width=max(full_width(table), 80))
    console.print(table)
