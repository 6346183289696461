"""`run` into data that is there: other content replaces nothing without a word, the same changes nothing."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from onlooker.models.cache import ModelCache
from onlooker.run.measured import Measured, MeasuredRecordings
from onlooker.wiring import cache_dir
from schemas.errors import UsageError
from sinks.store.embedded.asking import asking
from tests.e2e.command import onlooker

pytestmark = [pytest.mark.models, pytest.mark.clickhouse]
TABLES = ("visits", "exposures", "plays", "windows", "campaign_windows")


@pytest.fixture
def days(model_paths: Mapping[str, Path], tmp_path: Path) -> Path:
    """`day1/cam.mp4` and `day2/cam.mp4`: two films of one name."""
    cache = ModelCache(cache_dir())
    for day, film in (("day1", "single_face.mp4"), ("day2", "WolfgangLanger_Pexels.mp4")):
        (tmp_path / day).mkdir()
        shutil.copy(cache.sample_path(film), tmp_path / day / "cam.mp4")
    return tmp_path


def facts(data_dir: Path) -> dict[str, list[tuple[object, ...]]]:
    with asking(data_dir) as store:
        return {
            table: store.rows(f"SELECT * EXCEPT (_inserted_at) FROM v_{table} ORDER BY ALL")
            for table in TABLES
        }


def test_another_film_of_one_name_replaces_nothing(days: Path) -> None:
    data = days / "data"
    into = ("--data-dir", data, "--duration-s", "2")
    assert onlooker("run", "--source", days / "day1/cam.mp4", "--data-dir", data).code == 0
    before = facts(data)
    assert before["visits"]
    ended = onlooker("run", "--source", days / "day2/cam.mp4", *into)
    assert ended.code == 2
    assert all(word in ended.err for word in ("day1/cam.mp4", "--start-at", "stand_id", "--data-dir"))
    assert facts(data) == before
    shutil.copytree(days / "day1", days / "copied")
    assert onlooker("run", "--source", days / "copied/cam.mp4", "--data-dir", data).code == 0
    assert facts(data) == before, "the same content again changes nothing"
    ended = onlooker("run", "--source", days / "day2/cam.mp4", "--start-at", "2000-01-02", *into)
    assert ended.code == 0
    after = facts(data)
    assert {row[0] for row in before["visits"]} < {row[0] for row in after["visits"]}


def test_a_folder_that_got_more_pictures_is_another_recording(data_dir: Path, tmp_path: Path) -> None:
    pictures = sorted((data_dir / "stills").rglob("*.jpg"))[:3]
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, picture in enumerate(pictures[:2]):
        shutil.copy(picture, folder / f"{number}.jpg")
    run = ("run", "--source", folder, "--data-dir", tmp_path / "data")
    refused = onlooker(*run)
    assert (refused.code, "--fps" in refused.err, "onlooker analyze" in refused.err) == (2, True, True)
    assert onlooker(*run, "--fps", "5").code == 0
    again = onlooker(*run, "--fps", "5")
    assert (again.code, again.err) == (0, "")
    shutil.copy(pictures[2], folder / "2.jpg")
    grown = onlooker(*run, "--fps", "5")
    assert (grown.code, "has changed since it was measured" in grown.err) == (2, True)


def measured(digest: str, from_us: int, until_us: int) -> Measured:
    return Measured(digest=digest, sources=("cam.mp4",), from_us=from_us, until_us=until_us)


@pytest.mark.parametrize(("from_us", "until_us"), [(0, 10), (9, 20), (-5, 0), (3, 4), (-9, 99)])
def test_what_lies_in_the_same_time_is_refused(tmp_path: Path, from_us: int, until_us: int) -> None:
    MeasuredRecordings(tmp_path, "here").claim({"cam": measured("a", 0, 10)})
    again = MeasuredRecordings(tmp_path, "here")
    with pytest.raises(UsageError, match="--start-at"):
        again.claim({"cam": measured("b", from_us, until_us)})
    again.claim({"cam": measured("a", 0, 10), "other": measured("b", from_us, until_us)})
    again.claim({"cam": measured("b", 11, 12)})
    MeasuredRecordings(tmp_path, "there").claim({"cam": measured("b", from_us, until_us)})
