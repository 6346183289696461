"""Recordings that nobody would believe are refused before anything is captured."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from onlooker.settings.configuration import CameraSettings, Settings, StandSettings
from onlooker.settings.instants import require_believable
from onlooker.wiring.lines import camera_lines, camera_sources
from producers.playlist import OpeningHours, PlaylistOptions, Slot, playlist_from
from schemas.belief import MAX_AHEAD_S
from schemas.errors import UsageError
from schemas.units import US_PER_S, us_of
from tests.e2e.command import onlooker
from tests.event_samples import T_US

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of grey."""
    path = tmp_path_factory.mktemp("clip") / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for _ in range(20):
        writer.write(np.full((48, 64, 3), 90, np.uint8))
    writer.release()
    return path


def settings_at(clip: Path, start_at: datetime) -> Settings:
    camera = CameraSettings(source=str(clip), start_at=start_at)
    return Settings(stands=(StandSettings(stand_id="entrance", cameras=(camera,)),))


def test_the_limit_is_that_of_who_reads() -> None:
    start = NOW - timedelta(microseconds=NOW.microsecond)
    now_us = us_of(start) - round(MAX_AHEAD_S * US_PER_S)
    require_believable("it", start, now_us)
    with pytest.raises(UsageError, match="3600 s ahead"):
        require_believable("it", start, now_us - US_PER_S)
    with pytest.raises(UsageError, match="lasts 7 s: it ends 3607 s ahead"):
        require_believable("it", start, now_us, length_us=7 * US_PER_S)


@pytest.mark.parametrize(
    ("start_at", "words"),
    [
        (NOW + timedelta(days=400), "s ahead of the clock"),
        (NOW + timedelta(hours=2), "s ahead of the clock"),
        (datetime(9999, 12, 31, tzinfo=UTC), "s ahead of the clock"),
        (datetime(1969, 12, 31, tzinfo=UTC), "before 1970"),
        (datetime(1, 1, 1, tzinfo=UTC), "before 1970"),
    ],
)
def test_what_nobody_would_believe_is_refused(clip: Path, start_at: datetime, words: str) -> None:
    settings = settings_at(clip, start_at)
    with pytest.raises(UsageError, match=f"The stand entrance, camera-1: start_at is .*{words}"):
        camera_sources(settings, settings.stands[0])


def test_a_recording_that_ends_in_the_future_is_refused_where_it_runs_ahead_of_the_clock(clip: Path) -> None:
    start = datetime.now(UTC) + timedelta(seconds=MAX_AHEAD_S - 1)
    settings = settings_at(clip, start)
    assert camera_lines(settings, settings.stands[0], "real")
    with pytest.raises(UsageError, match=r"it lasts 2 s: it ends 360. s ahead"):
        camera_lines(settings, settings.stands[0], "fast")


def test_a_live_camera_has_no_start() -> None:
    camera = CameraSettings(source="0", start_at=NOW + timedelta(days=9))
    stand = StandSettings(stand_id="entrance", cameras=(camera,))
    assert camera_sources(Settings(stands=(stand,)), stand)


@pytest.mark.parametrize("year", [1, 1969, 2300, 9999])
def test_an_anchor_that_no_play_can_have_is_refused(year: int) -> None:
    options = PlaylistOptions(
        slots=(Slot(campaign_id="a", creative_id="b", duration_s=1),),
        anchor=datetime(year, 12, 31, tzinfo=UTC),
        opening=OpeningHours(opens="08:00", closes="20:00", time_zone="Pacific/Auckland"),
    )
    with pytest.raises(UsageError, match="before 1970 or after 2299"):
        playlist_from(options, T_US)


@pytest.mark.models
@pytest.mark.parametrize("verb", ["config check", "run --no-clickhouse", "capture"])
def test_every_verb_says_it_before_it_begins(clip: Path, tmp_path: Path, verb: str) -> None:
    config = tmp_path / "site.yaml"
    camera = {"source": str(clip), "start_at": (NOW + timedelta(days=3)).isoformat()}
    said = {
        "data_dir": str(tmp_path / "data"),
        "kafka": {"bootstrap": "127.0.0.1:1"},
        "stands": [{"stand_id": "entrance", "cameras": [camera]}],
    }
    config.write_text(json.dumps(said), encoding="utf-8")
    ended = onlooker(*verb.split(), "--config", config)
    assert ended.code == 2, ended.err
    assert "stands[0].cameras[0].start_at (line 1): The recording" in ended.err
    assert "Say when it was recorded" in ended.err
    assert "Traceback" not in ended.err
