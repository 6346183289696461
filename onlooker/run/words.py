"""The summary of a run in words, with what to do next."""

from rich.console import Console
from rich.table import Table

from onlooker.run.summary import RunSummary


def print_summary(found: RunSummary) -> None:
    """Print the summary of a run that has ended for a person."""
    console = Console(highlight=False)
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, words in _lines(found):
        table.add_row(name, words)
    console.print(table)
    for camera in found.cameras:
        if camera.problem:
            console.print(f"[yellow]{camera.stand_id}/{camera.camera_id}: {camera.problem}")
    if found.rows and not found.data_dir:
        console.print("\nThe figures are in the configured ClickHouse: onlooker report --url URL")
    if found.data_dir:
        at = "" if found.data_dir == "onlooker-data" else f" --data-dir {found.data_dir}"
        console.print(f"\nThe figures are in {found.data_dir}. Ask them:")
        console.print(f"  onlooker report{at}")
        console.print(f'  onlooker query "SELECT * FROM v_campaign_report"{at}')  # noqa: S608 - words


def _lines(found: RunSummary) -> list[tuple[str, str]]:
    frames, rows = found.frames, found.rows
    lost = [f"{count} {cause}" for cause, count in sorted(frames.dropped_by_cause.items())]
    p50, p95 = found.latency_us.p50, found.latency_us.p95
    lines = [
        ("frames", f"{frames.observed} observed of {frames.captured} captured"),
        ("dropped", f"{frames.dropped}" + (f" ({', '.join(lost)})" if lost else "")),
        ("undecodable", f"{frames.undecodable}"),
        ("faces", f"{found.faces}"),
        ("visits", f"{found.visits}"),
        ("windows", f"{found.windows}"),
        ("speed", f"{found.frames_per_second} frames/s"),
    ]
    ignored = [f"{count} {cause}" for cause, count in sorted(found.ignored.items()) if count]
    if ignored:
        lines.append(("ignored", ", ".join(ignored)))
    if p50 is not None and p95 is not None:
        lines.append(("latency", f"p50 {p50 / 1000:.0f} ms, p95 {p95 / 1000:.0f} ms from capture"))
    if rows:
        lines.append(("rows", ", ".join(f"{count} {table}" for table, count in rows.items())))
    return lines
