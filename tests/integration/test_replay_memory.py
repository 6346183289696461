"""A replay holds no more memory for a long recording than for a short one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from onlooker.lab.replay import write_traffic
from onlooker.lab.stream.input import Crowd

pytestmark = [pytest.mark.slow]
MOST_MIB = 400
GROWTH_MIB = 30
"""States of stands and what is remembered for the digest reach their size within the shorter one."""
PEAK = """
import sys
from pathlib import Path
from onlooker.wiring.replay import ReplayRequest, execute_replay
found = execute_replay(None, ReplayRequest(folder=Path(sys.argv[1])))
status = Path("/proc/self/status").read_text().splitlines()
held = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
print(found.events["observations"], held / 1024)
"""


def peak_mib(folder: Path) -> tuple[int, float]:
    """How many observations were replayed, and the most memory that took."""
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(folder)],
        capture_output=True,
        text=True,
        timeout=200,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )
    count, held = done.stdout.split()
    return int(count), float(held)


def test_eight_times_as_long_takes_as_much_memory(tmp_path: Path) -> None:
    write_traffic(tmp_path / "short", Crowd(stands=10, seconds=60))
    write_traffic(tmp_path / "long", Crowd(stands=10, seconds=480))
    short, long = peak_mib(tmp_path / "short"), peak_mib(tmp_path / "long")
    assert (short[0], long[0]) == (6_010, 48_010)
    assert long[1] < MOST_MIB
    assert long[1] - short[1] < GROWTH_MIB, (short, long)
