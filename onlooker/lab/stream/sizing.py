"""How much of what an estate of stands needs; keeps docs/operations.md true to what was measured.

`python -m onlooker.lab.stream.sizing docs/operations.md [RESULT.json ...]` writes its tables anew; results
are those of `onlooker bench stream|perception --json` and of `python -m onlooker.lab.stream.disk`.
"""

import json
import re
import sys
from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import Annotated, Any

import msgspec

from onlooker.lab.stream.page import markdown_of, markdown_table, measured_parts

SECONDS_A_DAY = 86_400
TOPICS = 10
"""Eight topics and the two of checkpoints."""
ESTATES = (10, 1_000, 100_000)
ROW = re.compile(r"^\| `(\w+)` \| ([\d,.]+) \| (.*) \|$", re.MULTILINE)
ENVELOPE_BYTES = 130
"""Key, three headers and Kafka's own fields of one observation."""
SPEEDS = (
    ("publish_frames_per_s", "publish", 0),
    ("measure_events_per_s", "faust", 0),
    ("sink_rows_per_s", "sink", 1),
)
"""Inputs that are our speed in a comparison: name, part, and the comparison's number in it."""
Says = msgspec.Meta


class Inputs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was measured, and what a site is taken to be; docs/operations.md says what each is."""

    observe_frames_per_s: float
    measure_events_per_s: float
    publish_frames_per_s: float
    sink_rows_per_s: float
    frame_bytes: float
    observation_bytes: float
    row_bytes: float
    rows_per_stand_hour: float
    frames_per_s: float
    hours_per_day: float
    peak: float
    utilisation: float
    observe_cores: float
    box_cores: float
    replication: float
    frames_minutes: float
    retention_days: float
    broker_mb_per_s: float
    stands_per_site: float
    clickhouse_days: float
    shard_tb: float


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What so many stands need, each with its words in docs/operations.md; 10^6, 10^9 and 10^12 bytes."""

    stands: Annotated[int, Says(title="stands")]
    sites: Annotated[int, Says(title="sites (clusters, each with a prefix)")]
    site_stands: Annotated[int, Says(title="stands of a site")]
    frames_per_s: Annotated[int, Says(title="frames/s of a site")]
    frames_mb_per_s: Annotated[float, Says(title="frames, MB/s of a site")]
    partitions: Annotated[int, Says(title="partitions of every topic, for life")]
    observe_cores: Annotated[int, Says(title="OBSERVE, cores")]
    observe_workers: Annotated[int, Says(title="OBSERVE, services")]
    measure_workers: Annotated[int, Says(title="MEASURE, services")]
    capture_services: Annotated[int, Says(title="capture services, at least")]
    sinks: Annotated[int, Says(title="sinks")]
    brokers: Annotated[int, Says(title="brokers")]
    copies_per_broker: Annotated[int, Says(title="copies of partitions a broker")]
    kafka_tb: Annotated[float, Says(title="Kafka's disks, TB, all copies")]
    all_observe_cores: Annotated[int, Says(title="OBSERVE, cores of all sites")]
    rows_per_day: Annotated[int, Says(title="rows a day, all sites")]
    clickhouse_gb_per_day: Annotated[float, Says(title="ClickHouse, GB a day, one copy")]
    shards: Annotated[int, Says(title="ClickHouse shards, all sites")]


def plan_for(stands: int, given: Inputs) -> Plan:
    """What an estate of so many stands needs, by the arithmetic of docs/operations.md."""
    sites = ceil(stands / given.stands_per_site)
    here = ceil(stands / sites)
    frames = here * given.frames_per_s
    mb_per_s = frames * given.frame_bytes / 1e6
    cores = frames / (given.observe_frames_per_s * given.utilisation)
    workers = ceil(cores / given.observe_cores)
    one_box = cores <= given.box_cores
    copies = 1 if one_box else given.replication
    rows_per_hour = stands * given.rows_per_stand_hour
    rows_per_day = rows_per_hour * given.hours_per_day
    partitions = 12 * ceil(2 * workers / 12)
    brokers = max(round(copies), _enough(mb_per_s * copies, given.broker_mb_per_s, given))
    open_s = given.retention_days * given.hours_per_day / 24 * SECONDS_A_DAY
    kept = frames * (given.frame_bytes * given.frames_minutes * 60 + given.observation_bytes * open_s)
    spare = 0 if one_box else 1  # takes over when one dies
    sinks = _enough(rows_per_hour * given.peak / 3600 / sites, given.sink_rows_per_s, given)
    return Plan(
        stands=stands,
        sites=sites,
        site_stands=here,
        frames_per_s=round(frames),
        frames_mb_per_s=round(mb_per_s, 1),
        partitions=partitions,
        observe_cores=ceil(cores),
        observe_workers=workers,
        measure_workers=_enough(frames, given.measure_events_per_s, given) + spare,
        capture_services=_enough(frames, given.publish_frames_per_s, given),
        sinks=sinks + spare,
        brokers=brokers,
        copies_per_broker=ceil(TOPICS * partitions * copies / brokers),
        kafka_tb=round(kept * copies / 1e12, 2),
        all_observe_cores=sites * ceil(cores),
        rows_per_day=round(rows_per_day),
        clickhouse_gb_per_day=round(rows_per_day * given.row_bytes / 1e9, 2),
        shards=ceil(rows_per_day * given.row_bytes * given.clickhouse_days / (given.shard_tb * 1e12)),
    )


def _enough(wanted: float, speed: float, given: Inputs) -> int:
    return ceil(wanted / (speed * given.utilisation))


def inputs_of(text: str) -> Inputs:
    """The inputs that a document states, each in a table row: name, number, where it comes from.

    Raises:
        msgspec.ValidationError: One is missing or unknown.
    """
    found = {name: float(value.replace(",", "")) for name, value, _ in ROW.findall(_part(text, "inputs"))}
    return msgspec.convert(found, Inputs)


def renewed(text: str, measured: Mapping[str, float]) -> str:
    """The document with new inputs (by name; the others stay) and the tables that follow from them.

    It is the same when it was true already.
    """

    def row(match: re.Match[str]) -> str:
        name, value, source = match.groups()
        return f"| `{name}` | {_shown(measured[name]) if name in measured else value} | {source} |"

    text = _replaced(text, "inputs", ROW.sub(row, _part(text, "inputs")))
    plans = [plan_for(stands, inputs_of(text)) for stands in ESTATES]
    head, *rows = (
        [field.type.__metadata__[0].title, *(_shown(getattr(plan, field.name)) for plan in plans)]
        for field in msgspec.structs.fields(Plan)
    )
    return _replaced(text, "plans", markdown_table(head, rows) + "\n")


def measured_by(result: Any) -> dict[str, float]:
    """The inputs that one benchmark's JSON has, by name; nothing of a part that was not measured."""
    if "row_bytes" in result:
        return {name: float(result[name]) for name in ("row_bytes", "rows_per_stand_hour")}
    if "ms_per_frame" in result:
        return {"observe_frames_per_s": float(result["frames_per_second"])}
    parts = measured_parts(result)
    found = {name: float(parts[at][i]["ours"]["per_s"]) for name, at, i in SPEEDS if at in parts}
    if "measure" in parts:
        ours = parts["measure"][0]["ours"]
        found["observation_bytes"] = float(round(1e6 * ours["mb_per_s"] / ours["per_s"]) + ENVELOPE_BYTES)
    if "density" in parts:
        found["frame_bytes"] = float(parts["density"]["frame_bytes"])
    return found


def _part(text: str, name: str) -> str:
    return text.split(f"<!-- {name}: begin -->\n")[1].split(f"<!-- {name}: end -->", maxsplit=1)[0]


def _replaced(text: str, name: str, part: str) -> str:
    return text.replace(_part(text, name), part)


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) or value >= 1_000 else f"{value:,.4g}"


def main() -> None:
    """Write the document anew."""
    path = Path(sys.argv[1])
    text, measured = path.read_text(encoding="utf-8"), dict[str, float]()
    for name in sys.argv[2:]:
        result = json.loads(Path(name).read_text(encoding="utf-8"))
        measured |= measured_by(result)
        if "parts" in result:
            text = _replaced(text, "measured", markdown_of(result))
    path.write_text(renewed(text, measured), encoding="utf-8")


if __name__ == "__main__":
    main()
