"""Watches the cameras of a run and says on stderr when one is lost and when it is back."""

import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from producers.cameras.thread import CaptureStatus

LOOK_EVERY_S = 0.25


def news(before: CaptureStatus | None, now: CaptureStatus) -> tuple[str, ...]:
    """What a person should know about a camera that they did not know before.

    Args:
        before: its status at the last look, None at the first.
        now: its status.

    Returns:
        Sentences; a camera may have been lost and come back between two looks.
    """
    name = f"{now.stand_id}/{now.camera_id}"
    lost, opened, problem = (before.lost, before.opened, before.problem) if before else (0, 0, None)
    sentences = []
    # A camera that stays away fails again and again for the same reason: that is no news.
    if now.lost > lost and now.phase != "ended" and (now.opened > opened or now.problem != problem):
        sentences.append(f"{name} is lost: {now.problem or 'it gave no more pictures.'} It is tried again.")
    if now.opened > opened and now.lost > 0:
        sentences.append(f"{name} is back.")
    if now.frozen and not (before is not None and before.frozen):
        sentences.append(f"{name} is silent: no new picture for {now.silent_s or 0:.0f} s.")
    return tuple(sentences)


def trouble(status: CaptureStatus) -> str | None:
    """Why a camera gives no pictures though it should.

    Returns:
        A sentence; None when it gives pictures, has not been tried yet or has come to its end.
    """
    if status.phase == "ended" or (status.phase == "streaming" and not status.frozen):
        return None
    if status.frozen:
        return f"no new picture for {status.silent_s or 0:.0f} s"
    return status.problem


class CameraWatch:
    """Looks at the cameras now and then while a run goes on; a context manager."""

    def __init__(self, statuses: Callable[[], Sequence[CaptureStatus]], say: Callable[[str], None]) -> None:
        self._statuses = statuses
        self._say = say
        self._known: dict[tuple[str, str], CaptureStatus] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="camera-watch", daemon=True)

    def look(self) -> None:
        """Look once, and say what is new."""
        for status in self._statuses():
            key = (status.stand_id, status.camera_id)
            for sentence in news(self._known.get(key), status):
                self._say(sentence)
            self._known[key] = status

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(LOOK_EVERY_S):
            self.look()
