"""The MEASURE service with a stopwatch at its desk. Run as a process of its own, like `onlooker work`."""

import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import msgspec

from onlooker.foreground.stopping import stopped_by_signals
from onlooker.settings.configuration import load_settings
from onlooker.settings.precedence import in_force
from onlooker.telemetry import Watch
from onlooker.wiring.work import WorkRequest, build_plan, give_up
from processors.runtime.agents import Desk, WorkPlan, work
from processors.runtime.work.stands import Load
from processors.runtime.work.traffic import Outgoing, Received
from schemas.metrics import NoMeter, NoPulse


class TimedDesk:
    """A desk that notes when observations have been handled; what they lead to is decided by then.

    Args:
        desk: the real one.
        lines: takes a line for each batch: when (us), CPU seconds of this process so far, the capture times
            of its observations (us; null where the header is missing).
    """

    def __init__(self, desk: Desk, lines: IO[str]) -> None:
        self._desk = desk
        self.states = desk.states
        self._lines = lines

    async def handle(self, messages: Sequence[Received]) -> list[Outgoing]:
        """Handle messages, and note it."""
        found = await self._desk.handle(messages)
        captured = [each.captured_us for each in messages if each.place.topic == "observations"]
        if captured:
            line = [time.time_ns() // 1000, time.process_time(), captured]
            self._lines.write(json.dumps(line) + "\n")
            self._lines.flush()
        return found


def timed(plan: WorkPlan, lines: IO[str]) -> WorkPlan:
    """A role whose desk is timed; everything else stays as the service has it.

    Args:
        plan: as the wiring makes it.
        lines: see `TimedDesk`.

    Returns:
        The plan to work by.
    """

    def open_timed(load: Load) -> Desk:
        return TimedDesk(plan.open_desk(load), lines)

    return msgspec.structs.replace(plan, open_desk=open_timed)


def main() -> None:
    """Run MEASURE by a configuration (first argument), with lines into a file (second argument)."""
    config, found = map(Path, sys.argv[1:3])
    settings = in_force(load_settings(config), os.environ, servers=("kafka", "registry"))
    watch = Watch(meter=NoMeter(), pulse=NoPulse(), port=None)
    stop = threading.Event()
    with found.open("w", encoding="utf-8") as lines, stopped_by_signals(stop):
        plan = build_plan(settings, WorkRequest(stage="measure"), watch)
        work(timed(plan, lines), stop, give_up=give_up)


if __name__ == "__main__":
    main()
