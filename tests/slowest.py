"""Prints the slowest tests of the last `make test`, what they had set up and torn down included."""

import sys
from pathlib import Path
from xml.etree import ElementTree

RECORD = Path(".pytest_cache/last-run.xml")
MOST = 20


def slowest(record: Path) -> list[tuple[float, str]]:
    """Seconds and name of the slowest tests of a JUnit record, the slowest first."""
    cases = ElementTree.parse(record).iter("testcase")
    timed = [(float(case.get("time", 0)), f"{case.get('classname')}::{case.get('name')}") for case in cases]
    return sorted(timed, reverse=True)[:MOST]


def main() -> int:
    """Print a table; 1 when there is no record."""
    if not RECORD.exists():
        sys.stderr.write("No tests have been timed here yet: run `make test` first.\n")
        return 1
    for seconds, name in slowest(RECORD):
        sys.stdout.write(f"{seconds:7.1f} s  {name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
