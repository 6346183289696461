"""What a timed MEASURE has handled: reads the lines that `stream_worker` writes, as they come."""

from pathlib import Path

import msgspec

Line = tuple[int, float, list[int | None]]
"""When a batch had been handled (us UTC), CPU seconds of the process so far, capture times of its events."""


class Lines:
    """The lines of a file that is being written; a line that is not whole yet waits.

    Args:
        path: may not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._decode = msgspec.json.Decoder(Line).decode

    def new(self) -> list[Line]:
        """Those that have come since the last call."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._read)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        return [self._decode(line) for line in whole.splitlines()]


class Handled:
    """Latencies by capture time.

    Args:
        path: of the lines; may not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._lines = Lines(path)
        self._latencies: dict[int, int] = {}

    def latencies(self) -> dict[int, int]:
        """All so far.

        Returns:
            From capture to handled, us, by capture time (us UTC; no two frames of a sender share one).
        """
        for handled_us, _, captured in self._lines.new():
            for captured_us in captured:
                if captured_us is not None:
                    self._latencies.setdefault(captured_us, handled_us - captured_us)
        return self._latencies
