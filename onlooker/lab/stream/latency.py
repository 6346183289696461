"""From capture to row: the real services on this machine, at one stand and more."""

import time
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

import msgspec
from kafka.errors import KafkaError

from onlooker.lab.stream.density import FAR_APART, footage
from onlooker.lab.stream.figures import Latency, latency_of
from onlooker.lab.stream.input import FRAMES_PER_S, stand_name
from onlooker.lab.stream.sink import running_sink
from onlooker.lab.stream.site import Services, Site, admin_of, apart, database, replace
from onlooker.settings.configuration import CameraSettings, StandSettings
from producers.playlist import PlaylistOptions, Slot
from producers.publish.pictures import Encoded
from schemas.broker import BrokerOptions
from schemas.metrics import HistogramName, NoMeter
from schemas.units import us_from_s
from sinks.store.address import Address

WINDOW_S = 1.0
"""Windows so short that there are enough rows to take percentiles of."""
PLAYLIST = PlaylistOptions(slots=(Slot(campaign_id="bench", creative_id="bench", duration_s=5),))
READY_S = 60.0
QUIET_S = 5.0
"""So long after the last row no other is waited for."""
MEANING = (
    f"From the capture of the frame that closed a visit or a window (of {WINDOW_S:.0f} s here) until its "
    "row is written, through capture, OBSERVE, MEASURE and sink, whose batches take up to a second."
)


class AtStands(msgspec.Struct, frozen=True, kw_only=True):
    """Latency at so many stands."""

    stands: int
    latency: Latency


class RowLatency(msgspec.Struct, frozen=True, kw_only=True):
    """Latency from capture to row, stands by stands."""

    meaning: str = MEANING
    frames_per_s: int = FRAMES_PER_S
    """A stand."""
    warm_up_s: float
    """Cut off at the beginning."""
    steps: tuple[AtStands, ...]


class RowTimes(NoMeter):
    """Hears from the sink how old each fact is when its row is written."""

    def __init__(self) -> None:
        self.found: list[tuple[int, int]] = []
        """When the frame was captured (us UTC), and how long it took (us)."""

    def observe(self, name: HistogramName, value: float, **labels: str) -> None:
        """Note the age of a visit or a window, and forget the rest."""
        if name == "row_latency_seconds" and labels["table"] in ("visits", "windows"):
            latency_us = us_from_s(value)
            self.found.append((time.time_ns() // 1000 - latency_us, latency_us))


def bench_latency(site: Site) -> RowLatency:
    """Run capture, OBSERVE, MEASURE and sink for some seconds at each number of stands."""
    pictures, warm_up_s = footage(site.settings), site.amount(5.0, quick=0.5)
    seconds, steps = warm_up_s + site.amount(15.0, quick=6.0), []
    with database(site.folder) as address:
        for stands in site.amount((1, 4), quick=(1,)):
            with apart(site, partitions=12) as here:
                shown = _stands(here.folder, stands, pictures, seconds)
                rows = _rows(here, address, shown, seconds)
            first_us = min((captured_us for captured_us, _ in rows), default=0) + us_from_s(warm_up_s)
            latency = latency_of([latency for captured_us, latency in rows if captured_us >= first_us])
            site.say(f"  {stands} stands: p95 {latency.p95_ms} ms")
            steps.append(AtStands(stands=stands, latency=latency))
    return RowLatency(warm_up_s=warm_up_s, steps=tuple(steps))


def _stands(folder: Path, count: int, pictures: Sequence[Encoded], seconds: float) -> list[StandSettings]:
    """Stands whose cameras show the footage from different places on."""
    found = []
    for stand in range(count):
        camera = folder / f"camera-{stand}"
        camera.mkdir()
        for index in range(round(seconds * FRAMES_PER_S)):
            shown = pictures[(stand * FAR_APART + index) % len(pictures)]
            (camera / f"{index:05d}.jpg").write_bytes(shown.picture)
        # Named after the step: facts of the same stands and times are known already, and not written again.
        stand_id, cameras = f"{folder.name}-{stand_name(stand)}", (CameraSettings(source=str(camera)),)
        found.append(StandSettings(stand_id=stand_id, cameras=cameras, playlist=PLAYLIST))
    return found


def _rows(
    site: Site, address: Address, stands: Sequence[StandSettings], seconds: float
) -> Sequence[tuple[int, int]]:
    settings, rows = site.settings, RowTimes()
    sections = {
        "stands": tuple(stands),
        "capture": replace(settings.capture, folder_fps=float(FRAMES_PER_S)),
        "publish": replace(settings.publish, encoding="jpeg"),
        "measure": replace(settings.measure, window_s=WINDOW_S),
    }
    with running_sink(site, address, rows), Services(site, **sections) as running:
        for role in ("observe", "measure"):
            running.start(role, "onlooker", "work", "--role", role)
        running.wait(
            lambda: _joined(site.kafka), words="the services have joined their groups", timeout_s=READY_S
        )
        running.start("capture", "onlooker", "capture", "--pace", "real")
        running.wait(
            lambda: running.has_ended("capture"), words="the stands have ended", timeout_s=READY_S + seconds
        )

        def quiet() -> bool:
            last_us = max((sum(row) for row in rows.found), default=time.time_ns() // 1000)
            return time.time_ns() // 1000 - last_us > us_from_s(QUIET_S)

        running.wait(quiet, words="all facts are rows", timeout_s=READY_S)
    return rows.found


def _joined(kafka: BrokerOptions) -> bool:
    groups = [kafka.group(name) for name in ("observe", "measure", "sink")]
    with closing(admin_of(kafka)) as admin, suppress(KafkaError):  # a group may have no coordinator yet
        found = admin.describe_groups(groups)
        return all(found[name]["group_state"] == "Stable" and found[name]["members"] for name in groups)
    return False
