"""The summary of a run in words, with what to do next."""

from onlooker.cameras.words import clock_words, dropped_words, print_lines
from onlooker.foreground.terminal import Terminal
from onlooker.run.summary import RunSummary
from schemas.names import quoted


def print_summary(found: RunSummary) -> None:
    """Print the summary of a run that has ended for a person."""
    console = Terminal()
    print_lines(
        console, _lines(found), [(each.stand_id, each.camera_id, each.problem) for each in found.cameras]
    )
    for sentence in found.warnings:
        console.print(sentence, style="yellow", soft_wrap=True)
    if found.rows and not found.data_dir:
        console.print("\nThe figures are in the configured ClickHouse: onlooker report --url URL")
    if found.data_dir:
        at = "" if found.data_dir == "onlooker-data" else f" --data-dir {quoted(found.data_dir)}"
        console.say(f"\nThe figures are in {quoted(found.data_dir)}. Ask them:")
        console.say(f"  onlooker report{at}")
        console.say(f'  onlooker query "SELECT * FROM v_campaign_report"{at}')  # noqa: S608 - words


def _lines(found: RunSummary) -> list[tuple[str, str]]:
    frames, rows = found.frames, found.rows
    p50, p95 = found.latency_us.p50, found.latency_us.p95
    lines = [
        ("frames", f"{frames.observed} observed of {frames.captured} captured"),
        ("dropped", dropped_words(frames.dropped, frames.dropped_by_cause)),
        ("undecodable", f"{frames.undecodable}"),
        ("faces", f"{found.faces}"),
        ("visits", f"{found.visits}"),
        ("windows", f"{found.windows}"),
        ("speed", f"{found.frames_per_second} frames/s"),
    ]
    ignored = [f"{count} {cause}" for cause, count in sorted(found.ignored.items()) if count]
    if ignored:
        lines.append(("ignored", ", ".join(ignored)))
    if clock := clock_words(each.by_cause for each in found.cameras):
        lines.append(("clock", clock))
    if p50 is not None and p95 is not None:
        lines.append(("latency", f"p50 {p50 / 1000:.0f} ms, p95 {p95 / 1000:.0f} ms from capture"))
    if rows:
        lines.append(("rows", ", ".join(f"{count} {table}" for table, count in rows.items())))
    return lines
