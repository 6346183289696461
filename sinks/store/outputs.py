"""What a question says about its own output, which only ClickHouse's own client does."""

from schemas.errors import UsageError
from sinks.store.clickhouse import ClickHouse

MENDS = {
    "INTO OUTFILE": "INTO OUTFILE writes no file here: send the output to one with your shell, for example "
    "`onlooker query --json 'SELECT ...' > answer.jsonl`.",
    "FORMAT": "FORMAT has no meaning here: without an option the answer is a table, with --json one JSON "
    "object a row. For other formats ask the server with a client of its own.",
}
"""By the clause as a line of the laid out question begins: the server writes each in a line of its own."""


def require_answered_here(store: ClickHouse, sql: str) -> None:
    """Refuse a question whose clauses for its output would be passed over without a word.

    Raises:
        UsageError: it has one; the sentence says what to do instead.
        DependencyAwayError: the server is away.
    """
    laid_out = store.rows("SELECT formatQueryOrNull({sql:String})", {"sql": sql})[0][0]
    for line in (laid_out or "").splitlines():
        for clause, mend in MENDS.items():
            if line.startswith(f"{clause} "):
                raise UsageError(mend)
