"""`run --record`: what passed through a run in one process replays to what the run measured."""

import random
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from onlooker.recordings.checks import digests, problems
from onlooker.settings.configuration import Settings
from onlooker.wiring.perception import build_networks, decoder
from onlooker.wiring.record_about import frame_hiding
from processors.observe.perception.detection import FaceDetector
from schemas.events import FaceObservations
from schemas.recording.folder import Recording
from tests.brokers import wait_until
from tests.e2e.command import onlooker, started

pytestmark = [pytest.mark.models, pytest.mark.data, pytest.mark.slow]
SLACK_S = 5.0
"""A busy machine may give a run no time for so long."""
GRANT = ("--frames-for", "10m", "--reason", "a test")


@pytest.fixture(scope="module")
def clip(data_dir: Path) -> Path:
    return data_dir / "clips" / "intel-head-pose-female.mp4"


def test_from_observations_and_from_frames_a_run_replays_byte_for_byte(clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "r"
    done = onlooker("run", "--source", clip, "--no-clickhouse", "--record", folder, *GRANT, "--json")
    assert done.code == 0, done.err
    measured = done.json()
    assert measured["visits"] > 0
    assert list(problems(folder)) == []
    original = digests(folder)
    seen = onlooker("replay", folder, "--expect", folder, "--json")
    assert seen.code == 0, seen.err
    assert seen.json()["digest"] == original["digest"]
    assert seen.json()["facts"]["visits"] == measured["visits"]
    looked = onlooker("replay", folder, "--topic", "frames", "--expect", folder, "--json")
    assert looked.code == 0, looked.err
    assert looked.json()["digest"] == original["digest"]
    assert looked.json()["digests"]["observations"] == original["digests"]["observations"]
    again = onlooker("run", "--source", clip, "--no-clickhouse", "--record", folder)
    assert again.code == 2
    assert "holds a recording already" in again.err


def test_without_a_grant_there_are_no_pictures_and_with_one_faces_can_be_hidden(
    clip: Path, tmp_path: Path
) -> None:
    none = tmp_path / "none"
    run = ("run", "--source", clip, "--no-clickhouse", "--duration-s", "1", "--record")
    assert onlooker(*run, none).code == 0
    assert "frames" not in Recording(none).topics
    hidden = tmp_path / "hidden"
    assert onlooker(*run, hidden, *GRANT, "--blur-faces").code == 0
    assert Recording(hidden).manifest.grants[0].faces_blurred
    seen = onlooker("replay", hidden, "--json").json()
    looked = onlooker("replay", hidden, "--topic", "frames", "--json").json()
    events = [record.event for record in Recording(hidden).records("observations")]
    faces = sum(len(event.faces) for event in events if isinstance(event, FaceObservations))
    assert faces > 5
    assert looked["digests"]["observations"] != seen["digest"]
    assert "visits" not in looked["facts"], "nobody is recognisable, and nobody is counted"
    refused = onlooker(*run, tmp_path / "refused", "--frames-for", "10m")
    assert refused.code == 2
    assert "for a time and a reason" in refused.err


def test_faces_in_frames_of_the_topic_can_be_hidden(clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "r"
    done = onlooker(
        "run", "--source", clip, "--no-clickhouse", "--duration-s", "1", "--record", folder, *GRANT
    )
    assert done.code == 0, done.err
    settings = Settings()
    hide, decode = frame_hiding(settings), decoder(settings.capture)
    detector = FaceDetector(build_networks(settings).nets["detection"], settings.detection)
    frame = next(record.event for record in Recording(folder).records("frames"))
    assert detector.detect_thoroughly(decode(frame.picture))
    hidden = hide(frame)
    assert hidden is not None
    assert (hidden.t_us, hidden.frame_index, hidden.encoding) == (frame.t_us, frame.frame_index, "png")
    assert not detector.detect_thoroughly(decode(hidden.picture))
    assert hide(msgspec.structs.replace(frame, picture=frame.picture[:90])) is None


def test_a_killed_run_replays_but_for_its_last_second(data_dir: Path, tmp_path: Path) -> None:
    chance = random.Random(2)
    clip = data_dir / "clips" / "hamilton-short.mp4"
    for number in range(3):
        folder = tmp_path / f"r{number}"
        process = started("run", "--source", clip, "--pace", "real", "--no-clickhouse", "--record", folder)
        try:
            wait_until(_begun(folder), words="something is recorded", timeout_s=90)
            time.sleep(chance.uniform(0, 1.5))
        finally:
            process.kill()
            process.communicate()
        assert time.time() - newest_us(folder) / 1e6 < 1.0 + SLACK_S
        assert onlooker("recording", "verify", folder).code == 0
        assert onlooker("replay", folder, "--digest").code == 0


def _begun(folder: Path) -> Callable[[], bool]:
    return lambda: newest_us(folder) > 0


def newest_us(folder: Path) -> int:
    """Arrival of the newest observation on the disk; 0 while there is none."""
    if not (folder / "manifest.json").exists():
        return 0
    recording = Recording(folder)
    times = [recording.summary(note).arrived_last_us or 0 for note in recording.files("observations")]
    return max(times, default=0)


def test_another_configuration_shows_its_first_difference(clip: Path, tmp_path: Path) -> None:
    folder, changed = tmp_path / "r", tmp_path / "changed.yaml"
    done = onlooker("run", "--source", clip, "--no-clickhouse", "--record", folder)
    assert done.code == 0, done.err
    changed.write_text("measure: {window_s: 30}\n", encoding="utf-8")
    compared = onlooker("replay", folder, "--config", changed, "--expect", folder)
    assert compared.code == 1
    assert "differs from" in compared.err
    assert "metric_version: expected '1', found '1+" in compared.err
