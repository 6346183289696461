"""`python -m tests.ways`: how many files a reader opens who follows five ways through the system.

Walks each way with the real commands, over real footage, a real broker and a real ClickHouse, and lists the
files of the project in which a function ran, in the order of their first use. Modules that were only
imported, and values without a function, do not count.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.brokers import why_not
from tests.ways.counts import figures, files_of
from tests.ways.traced import Use
from tests.ways.walks import OVER_KAFKA, WAYS, walk


def words_of(name: str, uses: Sequence[Use], *, functions: bool) -> str:
    """One way as people read it."""
    found = figures(uses)
    head = f"{name}: {found['files']} files, {found['functions']} functions of {found['lines']} lines"
    if found["files_at_work"] is not None:
        head += f"; {found['files_at_work']} files once the services had started"
    lines = [head]
    for path, names in files_of(uses).items():
        lines.append(f"  {path}")
        lines += [f"      {function}" for function in names if functions]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Walk the ways; 0, or 3 when Kafka cannot run here."""
    parser = argparse.ArgumentParser(prog="python -m tests.ways", description=__doc__)
    parser.add_argument("ways", nargs="*", metavar="WAY", help=f"any of {', '.join(WAYS)} [all]")
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object")
    parser.add_argument("--functions", action="store_true", help="list the functions of each file too")
    parser.add_argument("--folder", type=Path, help="for data and logs, empty [a new one, removed after]")
    asked = parser.parse_args()
    if unknown := set(asked.ways) - WAYS.keys():
        parser.error(f"no such way: {', '.join(unknown)}")
    chosen = asked.ways or [*WAYS]
    if any(name in OVER_KAFKA for name in chosen) and (reason := why_not()):
        sys.stderr.write(f"{reason}\n")
        return 3
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="onlooker-ways-"))
    found = {}
    for name in chosen:
        sys.stderr.write(f"walking {name}\n")
        uses = walk(name, folder)
        found[name] = figures(uses)
        if not asked.json:
            sys.stdout.write(words_of(name, uses, functions=asked.functions))
    if asked.json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    if asked.folder is None:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
