"""The summary of a capture in words."""

from onlooker.cameras.words import clock_words, dropped_words, print_lines
from onlooker.capture.summary import CaptureSummary
from onlooker.foreground.terminal import Terminal


def print_capture(found: CaptureSummary) -> None:
    """Print the summary of a capture that has ended for a person."""
    print_lines(
        Terminal(),
        _lines(found),
        [(each.stand_id, each.camera_id, each.problem) for each in found.cameras],
    )


def _lines(found: CaptureSummary) -> list[tuple[str, str]]:
    frames = found.frames
    repeated = f" ({found.plays_repeated} perhaps again)" if found.plays_repeated else ""
    refused = f", {found.plays_refused} refused" if found.plays_refused else ""
    lines = [
        ("frames", f"{frames.published} published of {frames.captured} captured"),
        ("dropped", dropped_words(frames.dropped, frames.dropped_by_cause)),
        ("undecodable", f"{frames.undecodable}"),
        ("plays", f"{found.plays}{repeated}{refused}"),
        ("sent", f"{found.bytes / 1e6:.1f} MB in {found.seconds:.1f} s"),
        ("speed", f"{found.frames_per_second} frames/s"),
        ("ended", ", ".join(found.ended) or "none: the next capture goes on here"),
    ]
    if clock := clock_words(each.by_cause for each in found.cameras):
        lines.append(("clock", clock))
    if frames.sent_before:
        lines.insert(2, ("sent before", f"{frames.sent_before} frames"))
    return lines
