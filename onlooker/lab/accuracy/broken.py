"""Broken and hostile files: each as its label says, in bounded memory."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from onlooker.lab.accuracy.figure import Figure, table_rows

MEMORY_MIB = 600
COMMAND = """
import atexit, sys
from pathlib import Path

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    sys.stderr.write(next(line for line in lines if line.startswith("VmHWM")) + "\\n")

atexit.register(peak)
from onlooker.cli.root import main
main()
"""
"""`onlooker` with its peak memory on the last line of stderr: the usage that the system keeps of a child
also counts what its parent held when it forked."""


def broken_figures(data: Path) -> Iterator[Figure]:
    """Files treated as expected, exit code and peak memory of an `onlooker analyze` of broken files."""
    folder = data / "stills" / "broken"
    rows = list(table_rows(folder / "expected.csv"))
    names = [str(folder / row["file"]) for row in rows]
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, "analyze", *names], capture_output=True, check=False
    )
    records = [json.loads(line) for line in done.stdout.splitlines()]
    right = sum(
        _as_expected(row, [r for r in records if Path(r["source"]).name == row["file"]]) for row in rows
    )
    peak_mib = round(int(done.stderr.split()[-2]) / 1024)
    yield Figure(
        name="broken files treated as expected", value=right / len(rows), cases=len(rows), target=1.0
    )
    yield Figure(name="broken files, exit code", value=done.returncode, cases=1, target=0, better="equal")
    yield Figure(
        name="broken files, peak memory, MiB", value=peak_mib, cases=1, target=MEMORY_MIB, better="lower"
    )


def _as_expected(row: dict[str, str], records: list[dict[str, Any]]) -> bool:
    """Whether the lines of one file agree with what a person expected of it."""
    if not records:
        return False
    rejected = any(record["error"] for record in records)
    faces = len(records[0]["faces"])
    match row["expected"]:
        case "reject":
            return rejected
        case "reject_or_decode_partial":
            return True
        case "decode_no_face":
            return not rejected and faces == 0
        case "decode":
            return not rejected and (faces == 1 or "one face" not in row["note"])
    return False
