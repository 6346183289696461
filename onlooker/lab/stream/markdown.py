"""The results of `onlooker bench stream --json` as a part of docs/operations.md."""

from collections.abc import Iterator
from typing import Any

PARTS = ("publish", "faust", "measure", "sink")


def markdown_of(result: Any) -> str:
    """Tables for people.

    Args:
        result: the JSON of one run.

    Returns:
        Markdown that names the machine and what else kept it busy.
    """
    machine, parts = result["machine"], measured_parts(result)
    lines = [
        f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}; medians of {result['repeat']}",
        "turns, lowest to highest in brackets. What else runs on the machine is noise: load before",
        f"{machine['load_before']}, after {machine['load_after']}.",
        "",
        "| what | a second | floor, same run | share of the floor | aim |",
        "|---|---:|---:|---:|---|",
        *(line for part in PARTS for each in parts.get(part, ()) for line in _comparison(each)),
        "",
        *_latency(parts.get("latency")),
        *_density(parts.get("density")),
    ]
    return "\n".join(lines).rstrip("\n") + "\n"


def measured_parts(result: Any) -> dict[str, Any]:
    """The parts of a result that could be measured.

    Args:
        result: the JSON of one run.

    Returns:
        By name.
    """
    return {name: part for name, part in result["parts"].items() if "failed" not in part}


def _comparison(each: Any) -> Iterator[str]:
    ours, floor = each["ours"], each["floor"]
    aim = "" if each["aim"] is None else f"{each['aim']}: {'reached' if each['holds'] else 'missed'}"
    yield (
        f"| {each['name']} | {ours['per_s']:,.0f} {each['unit']} ({ours['lowest_per_s']:,.0f}-"
        f"{ours['highest_per_s']:,.0f}) | {floor['per_s']:,.0f} ({each['floor_name']}) | {each['share']:.2f} "
        f"({each['share_lowest']:.2f}-{each['share_highest']:.2f}) | {aim} |"
    )


def _latency(found: Any) -> Iterator[str]:
    if found is None:
        return
    yield from ("| stands | rows | p50 ms | p95 ms | p99 ms |", "|---:|---:|---:|---:|---:|")
    yield from (_row(step["stands"], step["latency"]) for step in found["steps"])
    yield from ("", found["meaning"], "")


def _density(found: Any) -> Iterator[str]:
    if found is None:
        return
    yield from ("| stands at 10 frames/s | frames | p50 ms | p95 ms | p99 ms |", "|---:|---:|---:|---:|---:|")
    yield from (_row(step["stands"], step["latency"]) for step in found["steps"])
    yield from ("", f"**{found['highest']} stands** (stopped by: {found['stopped_by']}). {found['meaning']}")


def _row(stands: int, latency: Any) -> str:
    percentiles = (latency[name] for name in ("p50_ms", "p95_ms", "p99_ms"))
    shown = ("-" if value is None else f"{value:,.0f}" for value in percentiles)
    return f"| {' | '.join([str(stands), str(latency['count']), *shown])} |"
