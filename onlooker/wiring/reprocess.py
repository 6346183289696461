"""Builds a reprocessing: a recording through the local core into the side tables of a database."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from onlooker.foreground.stopping import stopped_by_signals
from onlooker.reprocess.difference import Difference, differences
from onlooker.settings.configuration import Settings
from onlooker.wiring.database import opened
from onlooker.wiring.perception import measure_options
from onlooker.wiring.replay import pulse_of, require_topic, settings_of, tell_torn
from onlooker.wiring.replay_core import build_core
from producers.replay.drive import DriveOptions, ReplayDrive
from producers.replay.order import Choice
from producers.replay.pace import Pauses, ReplayPacer
from producers.replay.shift import Rounds
from schemas.belief import event_time_us
from schemas.errors import UsageError
from schemas.reading import stand_of
from schemas.recording.folder import Range, Recording
from schemas.topics import Topic
from schemas.units import us_from_s
from sinks.reprocessing.figures import Coverage, coverage_of, sums_of
from sinks.reprocessing.ledger import Reprocessing, Reprocessings, default_name
from sinks.reprocessing.side import SideStore
from sinks.service.local import LocalSink
from sinks.store.clickhouse import ClickHouse
from sinks.store.dialect import Dialect
from sinks.store.migrate import migrate, released


class ReprocessRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What of a recording is recomputed."""

    folder: Path
    name: str | None = None
    topic: Topic = "observations"
    stands: tuple[str, ...] = ()
    from_us: int | None = None
    until_us: int | None = None
    edge_us: int = us_from_s(15 * 60)
    """So much before and after is replayed too: visits do not begin and end with the range."""
    gallery: Path | None = None


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """A reprocessing and what it would change."""

    reprocessing: Reprocessing
    coverage: Coverage
    differences: list[Difference]


class Site:
    """A migrated database with its reprocessings."""

    def __init__(self, store: ClickHouse, dialect: Dialect) -> None:
        self._store = store
        self.reprocessings = Reprocessings(store, dialect=dialect)

    def recompute(self, settings: Settings | None, request: ReprocessRequest) -> Reprocessing:
        """Replay a recording into the side tables; without settings, with those that it was made with.

        Raises:
            UsageError: it is no recording, has nothing in the range, or the name is taken.
            CheckFailedError: a file is damaged, or it was discarded meanwhile.
            KeyboardInterrupt: somebody stopped it; the same again begins anew.
        """
        stop = threading.Event()
        recording = Recording(request.folder, tell_torn, pulse_of(stop))
        settings = settings or settings_of(recording)
        options = measure_options(settings)
        from_us, until_us = range_of(recording, request, us_from_s(options.window_s))
        begun = self.reprocessings.begin(
            request.name or default_name(request.folder.resolve().name, from_us),
            recording=str(request.folder.resolve()),
            from_us=from_us,
            until_us=until_us,
        )
        stands = self._replay(recording, settings, request, begun=begun, stop=stop)
        if not stands:
            self.reprocessings.discard(begun)
            raise UsageError(f"{request.folder} has no {request.topic} of these stands in this range.")
        thresholds = {options.metric_version(stand): options.thresholds(stand) for stand in sorted(stands)}
        return self.reprocessings.finish(begun, stands, thresholds)

    def compare(self, reprocessing: Reprocessing) -> Compared:
        """What was measured live next to what a complete reprocessing has.

        Raises:
            UsageError: it is not complete.
        """
        if reprocessing.state == "writing":
            raise UsageError(f"{reprocessing.name!r} is not complete: run it again, or --discard it")
        live, new = (sums_of(self._store, reprocessing, side) for side in ("live", "reprocessed"))
        coverage = coverage_of(self._store, reprocessing)
        return Compared(reprocessing=reprocessing, coverage=coverage, differences=differences(live, new))

    def _replay(
        self,
        recording: Recording,
        settings: Settings,
        request: ReprocessRequest,
        *,
        begun: Reprocessing,
        stop: threading.Event,
    ) -> set[str]:
        """Replay; the stands that have something in the range."""
        side = SideStore(self._store, begun.generation)
        writer = LocalSink(side, run_id=str(begun.generation))
        core = build_core(settings, request.topic, gallery=request.gallery, writer=writer)
        stands: set[str] = set()

        def emit(topic: Topic, event: Any) -> None:
            t_us = event_time_us(event) if topic == request.topic else None
            if t_us is not None and begun.from_us <= t_us < begun.until_us:
                stands.add(stand_of(event) or "")
            core.emit(topic, event)

        around = Range(from_us=begun.from_us - request.edge_us, until_us=begun.until_us + request.edge_us)
        choice = Choice(topic=request.topic, stands=frozenset(request.stands), within=around)
        with stopped_by_signals(stop):
            ReplayDrive(
                recording,
                DriveOptions(choice=choice),
                pacer=ReplayPacer(None, Pauses(stop, monotonic_s=time.monotonic)),
                rounds=Rounds(None),
                emit=emit,
            ).run()
        if stop.is_set():
            raise KeyboardInterrupt
        core.end(whole=True)
        return stands


@contextmanager
def open_site(settings: Settings) -> Iterator[Site]:
    """A database with its reprocessings, migrated.

    Raises:
        UsageError: there is no data.
        DependencyAwayError: the server is away.
    """
    dialect = settings.clickhouse.dialect()
    with opened(settings, read_only=False) as store:
        migrate(store, released(), dialect=dialect)
        yield Site(store, dialect)


def range_of(recording: Recording, request: ReprocessRequest, window_us: int) -> tuple[int, int]:
    """The range that is recomputed: whole windows, around what was asked for or what was recorded.

    Args:
        recording: open for reading.
        request: what was asked for.
        window_us: length of a window, us.

    Returns:
        Begin and end, us UTC.

    Raises:
        UsageError: there is nothing to recompute.
    """
    require_topic(recording, request.topic)
    summaries = [recording.summary(note) for note in recording.files(request.topic)]
    firsts = [each.t_first_us for each in summaries if each.t_first_us is not None]
    lasts = [each.t_last_us for each in summaries if each.t_last_us is not None]
    if not firsts or not lasts:
        raise UsageError(f"{request.folder} has no {request.topic} with a time.")
    from_us = min(firsts) if request.from_us is None else request.from_us
    until_us = max(lasts) + 1 if request.until_us is None else request.until_us
    if from_us >= until_us:
        raise UsageError("the range is empty: --from must be before --until.")
    return from_us // window_us * window_us, -(-until_us // window_us) * window_us
