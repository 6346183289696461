"""The capture state machine as pure functions: opening, streaming, waiting with back-off, ended."""

from typing import Literal

import msgspec

from producers.options import CaptureOptions

CapturePhase = Literal["closed", "opening", "streaming", "waiting", "ended"]
_MAX_DOUBLINGS = 30


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody wants this camera."""


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """The source opened."""

    at_s: float


class PictureCame(msgspec.Struct, frozen=True, kw_only=True):
    """A picture was read; equal fingerprints mean equal pictures."""

    at_s: float
    fingerprint: int


class PictureBroken(msgspec.Struct, frozen=True, kw_only=True):
    """A picture could not be decoded; the source goes on."""

    detail: str


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """The source does not open or gives no more; `jitter` in [0, 1) spreads the back-off."""

    at_s: float
    cause: str
    detail: str
    jitter: float


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """The recording is over, or nobody wants the camera; `missing_frames` were promised and did not come."""

    missing_frames: int = 0


class WaitOver(msgspec.Struct, frozen=True, kw_only=True):
    """The back-off has passed."""


CaptureEvent = Started | Opened | PictureCame | PictureBroken | Lost | Ended | WaitOver


_ALIVE: frozenset[CapturePhase] = frozenset({"closed", "opening", "streaming", "waiting"})
_PHASES: dict[type[CaptureEvent], frozenset[CapturePhase]] = {
    Started: frozenset({"closed"}),
    Opened: frozenset({"opening"}),
    PictureCame: frozenset({"streaming"}),
    PictureBroken: frozenset({"streaming"}),
    Lost: frozenset({"opening", "streaming"}),
    Ended: _ALIVE,
    WaitOver: frozenset({"waiting"}),
}
"""In which phases an event means anything."""


class CaptureState(msgspec.Struct, frozen=True, kw_only=True):
    """Where the capture of one camera stands; times are of the monotonic clock, s."""

    is_recording: bool
    phase: CapturePhase = "closed"
    attempt: int = 0
    """Losses in a row; what the back-off grows with."""
    opened_s: float | None = None
    retry_s: float | None = None
    last_picture_s: float | None = None
    last_change_s: float | None = None
    fingerprint: int | None = None
    problem: str | None = None
    """What was last wrong, in words for a person; None once pictures come again."""
    opened: int = 0
    reopened: int = 0
    lost: int = 0
    frames: int = 0
    by_cause: dict[str, int] = {}
    """Losses and broken pictures by cause."""


def step(state: CaptureState, event: CaptureEvent, *, options: CaptureOptions) -> CaptureState:
    """The state after an event; an event that does not fit the phase changes nothing."""
    if state.phase not in _PHASES[type(event)]:
        return state
    match event:
        case Started() | WaitOver():
            changes: dict[str, object] = {"phase": "opening", "retry_s": None}
        case Opened():
            changes = _after_opening(state, event)
        case PictureCame():
            changes = _after_picture(state, event)
        case PictureBroken():
            changes = {"problem": event.detail, "by_cause": _plus(state, "undecodable")}
        case Lost():
            changes = _after_loss(state, event, options)
        case Ended():
            changes = {"phase": "ended", "by_cause": _plus(state, "missing", event.missing_frames)}
    return msgspec.structs.replace(state, **changes)


def stands_still(state: CaptureState, now_s: float, options: CaptureOptions) -> bool:
    """Whether a live camera repeats one picture for longer than `identical_s`."""
    if state.is_recording or state.phase != "streaming" or state.last_change_s is None:
        return False
    return now_s - state.last_change_s >= options.identical_s


def is_frozen(state: CaptureState, now_s: float, options: CaptureOptions) -> bool:
    """Whether a live camera that should be streaming has been silent for longer than `freeze_s`."""
    if state.is_recording or state.phase != "streaming":
        return False
    heard_s = max(each for each in (state.opened_s, state.last_picture_s, float("-inf")) if each is not None)
    return now_s - heard_s >= options.freeze_s


def backoff_s(attempt: int, jitter: float, options: CaptureOptions) -> float:
    """How long to wait before the next attempt to open.

    Args:
        attempt: losses in a row, from 1.
        jitter: in [0, 1).
        options: first and longest wait.

    Returns:
        Seconds: doubling from `backoff_first_s` up to `backoff_max_s`, of which the upper half is random,
        so that many cameras behind one switch do not come back at the same moment.
    """
    full = min(options.backoff_max_s, options.backoff_first_s * 2.0 ** min(attempt - 1, _MAX_DOUBLINGS))
    return full * (0.5 + 0.5 * jitter)


def _after_opening(state: CaptureState, event: Opened) -> dict[str, object]:
    return {
        "phase": "streaming",
        "opened": state.opened + 1,
        "reopened": state.reopened + (state.opened > 0),
        "opened_s": event.at_s,
        "last_change_s": None,
        "fingerprint": None,
    }


def _after_picture(state: CaptureState, event: PictureCame) -> dict[str, object]:
    same = event.fingerprint == state.fingerprint
    return {
        "frames": state.frames + 1,
        "problem": None,
        "last_picture_s": event.at_s,
        "last_change_s": state.last_change_s if same else event.at_s,
        "fingerprint": event.fingerprint,
    }


def _after_loss(state: CaptureState, event: Lost, options: CaptureOptions) -> dict[str, object]:
    changes: dict[str, object] = {
        "lost": state.lost + 1,
        "problem": event.detail,
        "by_cause": _plus(state, event.cause),
    }
    if state.is_recording:
        return {**changes, "phase": "ended"}
    attempt = 1 if _was_stable(state, event.at_s, options) else state.attempt + 1
    retry_s = event.at_s + backoff_s(attempt, event.jitter, options)
    return {**changes, "phase": "waiting", "attempt": attempt, "retry_s": retry_s}


def _was_stable(state: CaptureState, now_s: float, options: CaptureOptions) -> bool:
    if state.phase != "streaming" or state.opened_s is None:
        return False
    return now_s - state.opened_s >= options.stable_s


def _plus(state: CaptureState, cause: str, count: int = 1) -> dict[str, int]:
    return {**state.by_cause, cause: state.by_cause.get(cause, 0) + count} if count else state.by_cause
