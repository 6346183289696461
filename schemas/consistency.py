"""What must hold within an event for a table to hold it: beginnings before ends, parts of their whole."""

from schemas.errors import UndecodableError
from schemas.events import EXPRESSIONS, Exposure, Play, Visit, VisitEnded, WindowClosed


def check_span(event: Play | WindowClosed) -> None:
    """Refuse a play or a window that ends before it starts (`out_of_range`)."""
    _ordered("play" if isinstance(event, Play) else "window", event.start_us, event.end_us)


def check_visit(event: VisitEnded) -> None:
    """Refuse a visit that ends before it starts, or has exposures of another one (`out_of_range`)."""
    visit: Visit = event.visit
    _ordered("visit", visit.started_us, visit.ended_us)
    for exposure in event.exposures:
        _check_exposure(exposure, visit)


def _ordered(what: str, start_us: int, end_us: int) -> None:
    if end_us < start_us:
        raise UndecodableError("out_of_range", f"The {what} ends {start_us - end_us} us before it starts.")


def _check_exposure(exposure: Exposure, visit: Visit) -> None:
    _ordered("play of an exposure", exposure.play_start_us, exposure.play_end_us)
    _ordered("exposure", exposure.started_us, exposure.ended_us)
    if exposure.visit_id != visit.visit_id or exposure.stand_id != visit.stand_id:
        raise UndecodableError(
            "out_of_range", "An exposure belongs to another visit than the one it came with."
        )
    if len(exposure.expression_us) not in (0, len(EXPRESSIONS)):
        raise UndecodableError("out_of_range", f"expression_us has {len(exposure.expression_us)} values.")
