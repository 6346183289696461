"""`bench perception`: what each stage costs on one core, next to the bare networks in the same run."""

import os
import statistics
import threading
import time
from pathlib import Path
from typing import Any

import msgspec

from onlooker.foreground.terminal import Terminal
from onlooker.lab.stream.page import table
from onlooker.settings.configuration import Settings, Sources, with_sources
from onlooker.wiring import Networks, build_networks, sample_clip
from onlooker.wiring.run import build_run
from schemas.errors import DependencyAwayError

STAGE_CALLS = {
    "detection": ("detector", "detect", ("detection",)),
    "mesh": ("fitter", "fit", ("mesh",)),
    "template": ("templates", "extract_robust", ("template",)),
    "expression": ("expressions", "classify", ("expression",)),
    "age and gender": ("ages", "estimate", ("age", "gender")),
}
"""Stage: member of the faculties, its method, its networks."""


class Spent(msgspec.Struct, kw_only=True):
    """Calls of one stage and the time inside them."""

    calls: int = 0
    seconds: float = 0.0


def bench_perception(settings: Settings, clip: Path | None, *, repeat: int) -> dict[str, Any]:
    """Plain JSON values of the median by frames a second of several runs of a clip, on one core.

    The clip (None: the demo's) takes the place of the configured stands; one run before those warms up.
    """
    path = clip or sample_clip()
    settings = with_sources(settings, Sources(names=(str(path),)))
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        networks = build_networks(settings)
        spent = {stage: _timed(networks, stage) for stage in STAGE_CALLS}
        runs = [_one_run(settings, networks, spent) for _ in range(repeat + 1)][1:]
    finally:
        os.sched_setaffinity(0, cores)
    speeds = [run["frames_per_second"] for run in runs]
    middle = min(runs, key=lambda run: abs(run["frames_per_second"] - statistics.median(speeds)))
    return {"clip": str(path), "runs": repeat, "frames_per_second_of_runs": speeds, **middle}


def _timed(networks: Networks, stage: str) -> Spent:
    """Puts a stopwatch around a faculty's method."""
    member, method, _ = STAGE_CALLS[stage]
    faculty, spent = getattr(networks.faculties, member), Spent()
    call = getattr(faculty, method)

    def measured(*args: Any, **kwargs: Any) -> Any:
        started = time.perf_counter()
        try:
            return call(*args, **kwargs)
        finally:
            spent.seconds += time.perf_counter() - started
            spent.calls += 1

    setattr(faculty, method, measured)
    return spent


def _one_run(settings: Settings, networks: Networks, spent: dict[str, Spent]) -> dict[str, Any]:
    for each in spent.values():
        each.calls, each.seconds = 0, 0.0
    for net in networks.nets.values():
        net.runs, net.seconds = 0, 0.0
    run, tally = build_run(settings, networks, deliver=lambda _: None, stop=threading.Event())
    cpu = time.process_time()
    run.run(lambda _: None)
    cpu = time.process_time() - cpu
    if tally.observed == 0:
        problems = " ".join(status.problem or "" for status in run.statuses())
        raise DependencyAwayError(f"There is nothing to measure in this clip. {problems}".strip())
    frames = tally.observed
    floor_s = sum(net.seconds for net in networks.nets.values())
    rest_s = run.seconds - sum(each.seconds for each in spent.values())
    return {
        "frames": frames,
        "faces": tally.faces,
        "frames_per_second": round(frames / run.seconds, 1),
        "ms_per_frame": round(1000 * run.seconds / frames, 2),
        "cpu_ms_per_frame": round(1000 * cpu / frames, 2),
        "floor_ms_per_frame": round(1000 * floor_s / frames, 2),
        "share_outside_session_run": round(1 - floor_s / run.seconds, 3),
        "stages": {stage: _stage(networks, stage, spent[stage], frames) for stage in STAGE_CALLS},
        "rest_ms_per_frame": round(1000 * rest_s / frames, 2),
    }


def _stage(networks: Networks, stage: str, spent: Spent, frames: int) -> dict[str, Any]:
    nets = [networks.nets[name] for name in STAGE_CALLS[stage][2]]
    bare_s = sum(net.seconds for net in nets)
    return {
        "calls": spent.calls,
        "ms_per_call": round(1000 * spent.seconds / max(1, spent.calls), 2),
        "session_run_ms_per_call": round(1000 * bare_s / max(1, spent.calls), 2),
        "ms_per_frame": round(1000 * spent.seconds / frames, 2),
        "session_run_ms_per_frame": round(1000 * bare_s / frames, 2),
    }


def print_table(found: dict[str, Any]) -> None:
    """Print for a person what `bench_perception` gave."""
    head = ("stage", "calls", "ms a call", "of that session.run", "ms a frame", "of that session.run")
    rows = [(stage, *map(str, each.values())) for stage, each in found["stages"].items()]
    rows.append(("everything else", "", "", "", str(found["rest_ms_per_frame"]), "0"))
    rows.append(("whole run", "", "", "", str(found["ms_per_frame"]), str(found["floor_ms_per_frame"])))
    title = f"{Path(found['clip']).name}: {found['frames']} frames, one core, median of {found['runs']}"
    console = Terminal(markup=True)
    console.print(table(title, head, rows, wraps=True))
    console.print(
        f"{found['frames_per_second']} frames/s, {found['cpu_ms_per_frame']} CPU-ms a frame; "
        f"{100 * found['share_outside_session_run']:.0f} % of the time is spent outside session.run."
    )
