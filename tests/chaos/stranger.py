"""A stranger: a sink that joins the group with another database. It must be refused, and write nothing."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from schemas.ports import RowStore
from tests.chaos.tables import IDS
from tests.e2e.command import COMMAND

PATIENCE_S = 120.0
REFUSED = 2


def trouble_with(config: Path, words: Sequence[str], store: RowStore) -> str:
    """Start a stranger and wait until it ends.

    Args:
        config: of the stranger.
        words: that its refusal must have in it.
        store: its database.

    Returns:
        What went wrong, in words; empty when it was refused as it should be.
    """
    try:
        done = subprocess.run(
            [*COMMAND, "sink", "--config", config],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"a sink with another database works on after {PATIENCE_S:.0f} s"
    said = done.stderr.strip().splitlines()[-1:] or ["(nothing)"]
    if done.returncode != REFUSED:
        return f"a sink with another database ended with {done.returncode}: {said[0]}"
    if missing := [word for word in words if word not in done.stderr]:
        return f"the refusal does not name {', '.join(missing)}: {said[0]}"
    rows = {table: store.rows(f"SELECT count() FROM {table}")[0][0] for table in IDS}
    written = [f"{table} {count}" for table, count in rows.items() if count]
    return f"a sink with another database wrote rows: {', '.join(written)}" if written else ""
