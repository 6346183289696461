"""Keeps docs/operations.md true: reads its inputs, takes new ones from benchmarks, writes its tables anew.

`python -m onlooker.lab.stream.sizes docs/operations.md [RESULT.json ...]`, where results are those of
`onlooker bench stream --json`, `onlooker bench perception --json` and `python -m onlooker.lab.stream.disk`.
"""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from onlooker.lab.stream.markdown import markdown_of, measured_parts
from onlooker.lab.stream.sizing import Inputs, Plan, plan_for

ESTATES = (10, 1_000, 100_000)
ROW = re.compile(r"^\| `(\w+)` \| ([\d,.]+) \| (.*) \|$", re.MULTILINE)
ENVELOPE_BYTES = 130
"""Key, three headers and Kafka's own fields of one observation."""
ROWS = {
    "sites": "sites (clusters, each with a prefix)",
    "site_stands": "stands of a site",
    "frames_per_s": "frames/s of a site",
    "frames_mb_per_s": "frames, MB/s of a site",
    "partitions": "partitions of every topic, for life",
    "observe_cores": "OBSERVE, cores",
    "observe_workers": "OBSERVE, services",
    "measure_workers": "MEASURE, services",
    "capture_services": "capture services, at least",
    "sinks": "sinks",
    "brokers": "brokers",
    "copies_per_broker": "copies of partitions a broker",
    "kafka_tb": "Kafka's disks, TB, all copies",
    "all_observe_cores": "OBSERVE, cores of all sites",
    "rows_per_day": "rows a day, all sites",
    "clickhouse_gb_per_day": "ClickHouse, GB a day, one copy",
    "shards": "ClickHouse shards, all sites",
}


def inputs_of(text: str) -> Inputs:
    """The inputs that a document states.

    Args:
        text: has a table row for each: name, number, where it comes from.

    Returns:
        The inputs.

    Raises:
        msgspec.ValidationError: One is missing or unknown.
    """
    found = {name: float(value.replace(",", "")) for name, value, _ in ROW.findall(_part(text, "inputs"))}
    return msgspec.convert(found, Inputs)


def renewed(text: str, measured: Mapping[str, float]) -> str:
    """The document with new inputs and the tables that follow from them.

    Args:
        text: the document.
        measured: new values by name; the others stay.

    Returns:
        The document; the same one when it was true already.
    """

    def row(match: re.Match[str]) -> str:
        name, value, source = match.groups()
        return f"| `{name}` | {_shown(measured[name]) if name in measured else value} | {source} |"

    text = _replaced(text, "inputs", ROW.sub(row, _part(text, "inputs")))
    plans = [plan_for(stands, inputs_of(text)) for stands in ESTATES]
    return _replaced(text, "plans", table_of(plans))


def table_of(plans: list[Plan]) -> str:
    """A Markdown table with a column for each plan."""
    head = ["stands", *(f"{plan.stands:,}" for plan in plans)]
    lines = [head, ["---", *("---:" for _ in plans)]]
    lines += [[words, *(_shown(getattr(plan, name)) for plan in plans)] for name, words in ROWS.items()]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def measured_by(result: Any) -> dict[str, float]:
    """The inputs that one benchmark's JSON has.

    Args:
        result: of one of the commands named above.

    Returns:
        Values by name; nothing of a part that was not measured.
    """
    if "row_bytes" in result:
        return {name: float(result[name]) for name in ("row_bytes", "rows_per_stand_hour")}
    if "ms_per_frame" in result:
        return {"observe_frames_per_s": float(result["frames_per_second"])}
    parts, found = measured_parts(result), {}
    if "publish" in parts:
        found["publish_frames_per_s"] = parts["publish"][0]["ours"]["per_s"]
    if "faust" in parts:
        found["measure_events_per_s"] = parts["faust"][0]["ours"]["per_s"]
    if "measure" in parts:
        ours = parts["measure"][0]["ours"]
        found["observation_bytes"] = round(1e6 * ours["mb_per_s"] / ours["per_s"]) + ENVELOPE_BYTES
    if "sink" in parts:
        found["sink_rows_per_s"] = parts["sink"][1]["ours"]["per_s"]
    if "density" in parts:
        found["frame_bytes"] = parts["density"]["frame_bytes"]
    return {name: float(value) for name, value in found.items()}


def _part(text: str, name: str) -> str:
    return text.split(f"<!-- {name}: begin -->\n")[1].split(f"<!-- {name}: end -->", maxsplit=1)[0]


def _replaced(text: str, name: str, part: str) -> str:
    before, rest = text.split(f"<!-- {name}: begin -->\n")
    after = rest.split(f"<!-- {name}: end -->")[1]
    return f"{before}<!-- {name}: begin -->\n{part}<!-- {name}: end -->{after}"


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
