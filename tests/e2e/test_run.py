"""`onlooker run` as a person meets it: figures, repeatability, interruption, and every way to go wrong."""

import contextlib
import json
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from onlooker.models.cache import ModelCache
from onlooker.wiring import cache_dir
from schemas.errors import OnlookerError
from sinks.store.embedded.asking import asking
from tests.e2e.command import Ended, onlooker, started

pytestmark = [pytest.mark.models, pytest.mark.clickhouse]
TABLES = ("visits", "exposures", "plays", "campaign_windows", "audience_windows")
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def clip(model_paths: Mapping[str, Path]) -> Path:
    """Three seconds of one man."""
    assert model_paths
    return ModelCache(cache_dir()).sample_path("single_face.mp4")


@pytest.fixture(scope="module")
def long_clip(model_paths: Mapping[str, Path]) -> Path:
    """About twenty seconds of one woman."""
    assert model_paths
    return ModelCache(cache_dir()).sample_path("WolfgangLanger_Pexels.mp4")


@pytest.fixture(scope="module")
def measured(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ended]:
    """A data directory after one run, and how it ended."""
    data_dir = tmp_path_factory.mktemp("measured") / "data"
    return data_dir, onlooker("run", "--source", clip, "--data-dir", data_dir, "--json")


def rows(data_dir: Path, sql: str) -> list[dict[str, object]]:
    """What `onlooker query` would answer, asked from this process."""
    with asking(data_dir) as store:
        answer = store.answer(sql)
    return [dict(zip(answer.names, row, strict=True)) for row in answer.rows]


def test_the_summary_keeps_the_contract(measured: tuple[Path, Ended]) -> None:
    data_dir, ended = measured
    assert ended.code == 0, ended.err
    found = ended.json()
    frames = found["frames"]
    assert (frames["captured"], frames["dropped"], frames["observed"], frames["undecodable"]) == (
        72,
        0,
        72,
        0,
    )
    assert found["faces"] == 72
    assert found["visits"] == 1
    assert found["windows"] == 1
    assert {table: found["rows"][table] for table in TABLES} == {
        "visits": 1,
        "exposures": 1,
        "plays": 1,
        "campaign_windows": 1,
        "audience_windows": 1,
    }
    assert found["frames_per_second"] > 0
    assert found["ignored"]
    assert set(found["ignored"].values()) == {0}, "no event was late, ahead or repeated"
    assert set(found["latency_us"]) == {"p50", "p95", "p99"}
    assert found["data_dir"] == str(data_dir)


def test_the_figures_are_those_of_the_clip(measured: tuple[Path, Ended]) -> None:
    data_dir, _ = measured
    (visit,) = rows(data_dir, "SELECT * FROM v_visits")
    assert 2300 <= int(str(visit["presence_ms"])) <= 2500, "72 frames at 30 a second"
    assert int(str(visit["attention_ms"])) <= int(str(visit["dwell_ms"])) <= int(str(visit["presence_ms"]))
    assert visit["gender"] == "male"
    assert visit["member_id"] is None


def test_two_runs_over_the_same_input_give_equal_rows(
    measured: tuple[Path, Ended], clip: Path, tmp_path: Path
) -> None:
    first, _ = measured
    again = onlooker("run", "--source", clip, "--data-dir", tmp_path / "again", "--json")
    assert again.code == 0, again.err
    with asking(first) as one, asking(tmp_path / "again") as other:
        for table in TABLES:
            sql = f"SELECT * FROM {table} ORDER BY ALL"
            found, again_found = one.answer(sql), other.answer(sql)
            assert (found.names, found.rows) == (again_found.names, again_found.rows)
            assert found.rows


def test_a_second_run_into_the_same_data_adds_nothing(clip: Path, tmp_path: Path) -> None:
    for _ in range(2):
        assert onlooker("run", "--source", clip, "--data-dir", tmp_path).code == 0
    (counts,) = rows(
        tmp_path,
        "SELECT (SELECT count() FROM v_visits) AS visits, (SELECT count() FROM v_exposures) AS exposures, "
        "(SELECT sum(ots) FROM v_campaign_windows) AS ots",
    )
    assert counts == {"visits": 1, "exposures": 1, "ots": 1}


@pytest.fixture
def live(long_clip: Path, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A run at the clip's own speed that has begun to write."""
    process = started("run", "--source", long_clip, "--data-dir", tmp_path, "--pace", "real", "--json")
    try:
        wait_for_play(process, tmp_path)
        yield process, tmp_path
    finally:
        process.kill()
        process.wait()


def has_play(data_dir: Path) -> bool:
    """Whether a play is written; the run may be making its tables just now."""
    with contextlib.suppress(OnlookerError):
        return bool(rows(data_dir, "SELECT 1 FROM plays LIMIT 1"))
    return False


def wait_for_play(process: subprocess.Popen[str], data_dir: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        if (data_dir / "connection.json").exists() and has_play(data_dir):
            return
        time.sleep(0.1)
    pytest.fail("the run wrote nothing")


def test_an_interrupt_closes_and_writes_everything(live: tuple[subprocess.Popen[str], Path]) -> None:
    process, data_dir = live
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, err
    found = json.loads(out)
    assert 0 < found["frames"]["observed"] < 472, "it was interrupted before the clip had ended"
    frames = found["frames"]
    assert frames["captured"] == frames["observed"] + frames["dropped"], "every frame is accounted for"
    (counts,) = rows(
        data_dir, "SELECT (SELECT count() FROM v_visits) AS visits, count() AS windows FROM v_windows"
    )
    assert counts == {"visits": found["visits"], "windows": found["windows"]}
    assert found["windows"] >= 1


def test_a_data_directory_has_one_owner(live: tuple[subprocess.Popen[str], Path], clip: Path) -> None:
    process, data_dir = live
    second = onlooker("run", "--source", clip, "--data-dir", data_dir)
    assert second.code == 2
    assert f"in use by process {process.pid}" in second.err
    assert len(second.err.splitlines()) == 1
    assert process.poll() is None, "the first run goes on"


def test_a_killed_run_leaves_nothing_behind_that_hinders_the_next(
    live: tuple[subprocess.Popen[str], Path], long_clip: Path, tmp_path: Path
) -> None:
    """kill -9 in the middle: the server dies with its run, and measuring again gives whole figures, once."""
    process, data_dir = live
    server = int(json.loads((data_dir / "connection.json").read_text(encoding="utf-8"))["pid"])
    process.kill()
    process.wait()
    deadline = time.monotonic() + PATIENCE_S
    while Path(f"/proc/{server}/stat").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{server}").exists(), "the server outlived its run"
    assert onlooker("run", "--source", long_clip, "--data-dir", data_dir).code == 0
    assert onlooker("run", "--source", long_clip, "--data-dir", tmp_path / "undisturbed").code == 0
    sql = "SELECT visit_id, presence_ms, attention_ms, looks FROM v_visits ORDER BY ALL"
    assert rows(data_dir, sql) == rows(tmp_path / "undisturbed", sql)
    assert rows(data_dir, sql)


def test_a_missing_model_is_one_sentence(clip: Path, tmp_path: Path) -> None:
    ended = onlooker(
        "run", "--source", clip, "--data-dir", tmp_path, environment={"ONLOOKER_CACHE": str(tmp_path / "no")}
    )
    assert ended.code == 3
    assert "onlooker models prepare" in ended.err
    assert len(ended.err.splitlines()) == 1


def test_a_model_of_ones_own_replaces_a_stage(
    model_paths: Mapping[str, Path], clip: Path, tmp_path: Path
) -> None:
    (tmp_path / "own.onnx").write_bytes(model_paths["detection"].read_bytes())
    config = tmp_path / "shop.yaml"
    config.write_text("models: {detection: own.onnx}\n", encoding="utf-8")
    own = onlooker("run", "--config", config, "--source", clip, "--no-clickhouse", "--json")
    assert own.code == 0, own.err
    assert own.json()["faces"] == 72
    (tmp_path / "own.onnx").write_bytes(model_paths["gender"].read_bytes())
    wrong = onlooker("run", "--config", config, "--source", clip, "--no-clickhouse")
    assert wrong.code == 2
    assert "models.detection" in wrong.err
    assert len(wrong.err.splitlines()) == 1


def test_a_wrong_configuration_is_one_sentence(tmp_path: Path) -> None:
    config = tmp_path / "shop.yaml"
    config.write_text("capture: {policy: sometimes}\n", encoding="utf-8")
    ended = onlooker("run", "--config", config, "--source", "0")
    assert ended.code == 2
    assert "capture.policy" in ended.err
    assert "drop_oldest" in ended.err
    assert len(ended.err.splitlines()) == 1


@pytest.mark.parametrize("source", ["nowhere.mp4", "gopher://camera/1"])
def test_a_wrong_source_is_refused(source: str, tmp_path: Path) -> None:
    ended = onlooker("run", "--source", source, "--data-dir", tmp_path)
    assert ended.code == 2
    assert "a source is" in ended.err


def test_nothing_to_measure_is_a_usage_error() -> None:
    ended = onlooker("run")
    assert ended.code == 2
    assert "--source" in ended.err


def test_a_source_without_a_single_frame_is_a_dependency_away(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"\0\0\0\x18ftypmp42 cut short")
    ended = onlooker("run", "--source", broken, "--no-clickhouse")
    assert ended.code == 3
    assert "broken.mp4" in ended.err


def test_a_camera_that_never_answers_is_a_dependency_away() -> None:
    ended = onlooker("run", "--source", "http://127.0.0.1:9/", "--duration-s", "2", "--no-clickhouse")
    assert ended.code == 3
    assert "No source gave a single frame" in ended.err


def test_without_clickhouse_nothing_is_stored(clip: Path, tmp_path: Path) -> None:
    ended = onlooker("run", "--source", clip, "--data-dir", tmp_path, "--no-clickhouse", "--json")
    assert ended.code == 0
    assert ended.json()["data_dir"] is None
    assert ended.json()["visits"] == 1
    assert list(tmp_path.iterdir()) == []


def test_a_run_stops_after_its_duration(long_clip: Path) -> None:
    ended = onlooker("run", "--source", long_clip, "--duration-s", "2", "--no-clickhouse", "--json")
    assert ended.code == 0
    assert 40 <= ended.json()["frames"]["observed"] <= 61


def test_the_thresholds_behind_the_figures_are_stored(measured: tuple[Path, Ended]) -> None:
    data_dir, _ = measured
    found = rows(
        data_dir,
        "SELECT metric_version, JSONExtractFloat(thresholds, 'engaged_score') AS score "
        "FROM v_metric_versions "
        "WHERE metric_version IN (SELECT metric_version FROM v_visits)",
    )
    assert found == [{"metric_version": "1", "score": 50.0}]
