"""The summary of a capture in words."""

from rich.console import Console
from rich.table import Table

from onlooker.capture.summary import CaptureSummary


def print_capture(found: CaptureSummary) -> None:
    """Print the summary of a capture that has ended for a person."""
    console = Console(highlight=False)
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, words in _lines(found):
        table.add_row(name, words)
    console.print(table)
    for camera in found.cameras:
        if camera.problem:
            console.print(f"[yellow]{camera.stand_id}/{camera.camera_id}: {camera.problem}")


def _lines(found: CaptureSummary) -> list[tuple[str, str]]:
    frames = found.frames
    lost = [f"{count} {cause}" for cause, count in sorted(frames.dropped_by_cause.items())]
    repeated = f" ({found.plays_repeated} perhaps again)" if found.plays_repeated else ""
    lines = [
        ("frames", f"{frames.published} published of {frames.captured} captured"),
        ("dropped", f"{frames.dropped}" + (f" ({', '.join(lost)})" if lost else "")),
        ("undecodable", f"{frames.undecodable}"),
        ("plays", f"{found.plays}{repeated}"),
        ("sent", f"{found.bytes / 1e6:.1f} MB in {found.seconds:.1f} s"),
        ("speed", f"{found.frames_per_second} frames/s"),
        ("ended", ", ".join(found.ended) or "none: the next capture goes on here"),
    ]
    if frames.sent_before:
        lines.insert(2, ("sent before", f"{frames.sent_before} frames"))
    return lines
