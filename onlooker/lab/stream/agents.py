"""The timed agents, each a process of its own: one that does nothing, and MEASURE with a stopwatch.

`python -m onlooker.lab.stream.agents idle|measure LINES EXPECTED --config CONFIG` writes a line into LINES
for each batch of observations that has been handled.
"""

import os
import sys
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from onlooker.foreground.stopping import stopped_by_signals
from onlooker.settings.configuration import Settings, load_settings
from onlooker.settings.precedence import in_force
from onlooker.telemetry import Watch
from onlooker.wiring.work import WorkRequest, build_plan, give_up
from processors.runtime.agents import work
from processors.runtime.work.stands import Load
from schemas.metrics import NoMeter, NoPulse

Line = tuple[int, float, list[int | None]]
"""When a batch had been handled (us UTC), CPU seconds of the process so far, capture times of its events."""
Note = Callable[[Sequence[int | None]], None]
"""Writes the line of a batch that has been handled: takes the capture times, us UTC."""


def lines_of(path: Path) -> list[Line]:
    """The lines of a file that is being written, or not there yet; one that is not whole yet waits."""
    data = path.read_bytes() if path.exists() else b""
    return [msgspec.json.decode(line, type=Line) for line in data[: data.rfind(b"\n") + 1].splitlines()]


def latencies_of(path: Path) -> dict[int, int]:
    """From capture to handled, us, by capture time (us UTC; no two frames of a sender share one)."""
    found: dict[int, int] = {}
    for handled_us, _, captured in lines_of(path):
        for captured_us in captured:
            if captured_us is not None:
                found.setdefault(captured_us, handled_us - captured_us)
    return found


def _measure(settings: Settings, note: Note) -> None:
    """The MEASURE service as `onlooker work` has it; its desk notes when observations have been handled."""
    watch = Watch(meter=NoMeter(), pulse=NoPulse(), port=None)
    plan, stop = build_plan(settings, WorkRequest(stage="measure"), watch), threading.Event()

    def open_desk(load: Load) -> Any:
        desk: Any = plan.open_desk(load)
        handle = desk.handle

        async def noted(messages: Sequence[Any]) -> Any:
            found = await handle(messages)  # what they lead to is decided by then
            captured = [each.captured_us for each in messages if each.place.topic == "observations"]
            if captured:
                note(captured)
            return found

        desk.handle = noted
        return desk

    with stopped_by_signals(stop):
        work(msgspec.structs.replace(plan, open_desk=open_desk), stop, give_up=give_up)


def _idle(settings: Settings, note: Note, *, expected: int, folder: Path) -> None:
    """The floor under every Faust agent: passes over events, acknowledging as Faust does by default."""
    import faust

    from processors.runtime.agents.connection import credentials_of, urls_of

    kafka = settings.kafka
    app = faust.App(
        kafka.group(f"idle-{uuid.uuid4().hex[:8]}"),
        broker=urls_of(kafka),
        broker_credentials=credentials_of(kafka),
        store="memory://",
        datadir=folder,
        web_enabled=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
    )
    name = kafka.topics.name("observations")
    source = app.topic(name, key_serializer="raw", value_serializer="raw", value_type=bytes)

    async def pass_over(events: Any) -> None:
        handled = 0
        async for _ in events:
            handled += 1
            if handled == 1:
                note([None])
            elif handled == expected:
                note([None] * (expected - 1))
                os._exit(0)

    app.agent(source)(pass_over)
    faust.Worker(app, loglevel="ERROR", quiet=True, redirect_stdouts=False).execute_from_commandline()


def main() -> None:
    """Run one of the agents."""
    role, path, expected, _, config = sys.argv[1:6]
    settings = in_force(load_settings(Path(config)), os.environ)
    with Path(path).open("wb", buffering=0) as lines:

        def note(captured: Sequence[int | None]) -> None:
            line = (time.time_ns() // 1000, time.process_time(), captured)
            lines.write(msgspec.json.encode(line) + b"\n")

        if role == "idle":
            _idle(settings, note, expected=int(expected), folder=Path(path).parent / "faust")
        else:
            _measure(settings, note)


if __name__ == "__main__":
    main()
