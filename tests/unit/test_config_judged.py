"""What `config check` says of a configuration is what the verbs say: one judgement, with file and line."""

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onlooker.cli.options import Given
from onlooker.cli.root import root
from onlooker.settings.configuration import Settings, load_settings
from onlooker.settings.flags import SERVERS
from onlooker.settings.judgement import EVERYTHING, Needs
from onlooker.wiring.lines import camera_lines
from onlooker.wiring.perception import measure_options
from onlooker.wiring.record_about import _configuration
from processors.measure.aligned import AlignedMeasure
from processors.measure.stage import MeasureStage
from processors.runtime.local import LocalRuntime
from producers.brokers.plan import wanted_topics
from producers.cameras.camera import open_camera
from producers.cameras.sources import parse_source
from producers.playlist import PlayFeed
from schemas.errors import UsageError
from schemas.events import FaceObservations
from schemas.ids import derive_id

CAMERA = "stands:\n- stand_id: door\n  cameras:\n  - source: {source}\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "shop.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "a.mp4"
    path.write_bytes(b"no video, but a file")
    path.with_suffix(".jpg").write_bytes(b"no picture, but a file")
    return path


@pytest.mark.parametrize(
    ("more", "setting", "line"),
    [
        ("    start_at: 2026-03-02T10:00:00\n", "stands[0].cameras[0].start_at", 5),
        ("  - {source: b, camera_id: camera-1}\n", "stands[0].cameras[1]", 5),
        ("  playlist: {opening: {opens: '10:00', closes: '11:00', time_zone: Mars/City}}\n", "time_zone", 5),
        ("  screen: {zone: [[0.5, 0.1], [0.5, 0.9]]}\n", "stands[0].screen.zone", 5),
        ("  screen: {bearing_yaw_deg: .nan}\n", "bearing_yaw_deg", 5),
        ("measure: {window_s: .inf}\n", "measure.window_s", 5),
        ("measure: {engaged_score: .inf}\n", "measure.engaged_score", 5),
        ("capture: {folder_fps: 1.0e-300}\n", "capture.folder_fps", 5),
        ("capture: {open_timeout_s: 1.0e+9}\n", "capture.open_timeout_s", 5),
        ("topics: {replication: 100000}\n", "topics.replication", 5),
        ("kafka: {bootstrap: ','}\n", "kafka.bootstrap", 5),
        ("kafka: {bootstrap: 'broker:port'}\n", "kafka.bootstrap", 5),
        ("kafka: {bootstrap: 'broker:99999'}\n", "kafka.bootstrap", 5),
        ("kafka: {security: SSL, ca_file: nowhere.pem}\n", "kafka.ca_file", 5),
        ("kafka: {security: SASL_SSL}\n", "kafka.security", 5),
        ("registry: {url: 'ftp://x'}\n", "registry.url", 5),
        ("registry: {url: 'http://[x'}\n", "registry.url", 5),
        ("clickhouse: {url: 'http://db'}\n", "clickhouse.url", 5),
        ("clickhouse: {url: 'clickhouse://db/a-b'}\n", "clickhouse.url", 5),
        ("clickhouse: {url: 'clickhouse://db:99999'}\n", "clickhouse.url", 5),
        ("people: {gallery: nowhere}\n", "people.gallery", 5),
        ("models: {age: nowhere.onnx}\n", "models.age", 5),
        ("data_dir: shop.yaml\n", "data_dir", 5),
        ("data_dir: \"a\\0b\"\n", "data_dir", 5),
        (f"data_dir: {'x' * 300}\n", "data_dir", 5),
    ],
)  # fmt: skip
def test_what_a_verb_would_refuse_is_refused_before_with_file_and_line(
    tmp_path: Path, picture: Path, more: str, setting: str, line: int
) -> None:
    path = written(tmp_path, CAMERA.format(source=picture) + more)
    with pytest.raises(UsageError) as refused:
        Given(config_path=path).settings(*SERVERS, needs=EVERYTHING)
    assert str(path) in str(refused.value)
    assert setting in str(refused.value)
    assert f"line {line}" in str(refused.value)


@pytest.mark.parametrize("verb", [["run"], ["config", "check"], ["capture"]])
@pytest.mark.parametrize(
    "source",
    ["nowhere.mp4", "ftp://host/x", f"{'x' * 300}.mp4", "'a\nb.mp4'", "''", "~nobody-there/x.mp4"],
)
def test_a_source_that_is_not_there_is_named_with_its_line(
    tmp_path: Path, verb: list[str], source: str
) -> None:
    path = written(tmp_path, CAMERA.format(source=source))
    done = CliRunner().invoke(root, [*verb, "--config", str(path)])
    assert isinstance(done.exception, UsageError), done.exception
    words = str(done.exception)
    assert str(path) in words
    assert "stands[0].cameras[0].source" in words
    assert "line 4" in words


def test_a_capture_of_one_stand_does_not_ask_for_the_files_of_others(tmp_path: Path, picture: Path) -> None:
    other = "- stand_id: elsewhere\n  cameras:\n  - source: on-another-machine.mp4\n"
    path = written(tmp_path, CAMERA.format(source=picture) + other)
    assert len(Given(config_path=path).settings(needs=Needs(sources=True, stands=("door",))).stands) == 2
    with pytest.raises(UsageError, match=r"stands\[1\]"):
        Given(config_path=path).settings(needs=Needs(sources=True, stands=("elsewhere",)))


def test_a_verb_that_opens_no_camera_needs_none(tmp_path: Path) -> None:
    path = written(tmp_path, CAMERA.format(source="on-another-machine.mp4"))
    assert Given(config_path=path).settings("clickhouse").stands[0].stand_id == "door"


def test_what_the_command_line_says_is_not_said_of_the_file(tmp_path: Path, monkeypatch: Any) -> None:
    from onlooker.settings.flags import Flags

    monkeypatch.delenv("ONLOOKER_CONFIG", raising=False)
    with pytest.raises(UsageError, match=r"kafka.bootstrap: 'x:y' is no address"):
        Given(flags=Flags(bootstrap="x:y")).settings("kafka")


NUMBERS = st.one_of(
    st.sampled_from([0, 1, -1, 0.001, 1e-300, 1e300, 1e9, 86_400.0, 2**31, 2**53, 10**30, 0.5]),
    st.sampled_from([float("inf"), float("nan"), "12", "1e400", "inf"]),
)
WORDS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["a:1", "a:0", "b:65536,c", "[::1]:9092", "http://r", "https://r:1/x", "clickhouse://d", "é"]
    ),
    st.sampled_from(["UTC", "Europe/Paris", "Europe", "../UTC", "", "x" * 300, "wait", "PLAINTEXT", "10:15"]),
    st.sampled_from(["2026-03-02T10:00:00", "2026-03-02T10:00:00Z", "1970-01-01T00:00:00+14:00"]),
)
SAID: dict[str, list[str]] = {
    "capture": ["start_at", "folder_fps", "fallback_fps", "buffer_frames", "buffer_bytes", "open_timeout_s",
                "read_timeout_s", "freeze_s", "backoff_max_s", "max_pixels", "max_picture_bytes", "policy"],
    "measure": ["window_s", "lateness_s", "late_horizon_s", "max_jump_s", "rejoin_s", "retention_s",
                "max_play_s", "enter_deg", "engaged_score", "full_attention_s", "expression_face_px"],
    "publish": ["request_timeout_s", "in_flight_bytes", "jpeg_quality", "max_frame_bytes", "flush_s"],
    "topics": ["partitions", "replication", "frames_retention_minutes", "retention_days"],
    "kafka": ["bootstrap", "prefix", "security", "username"],
    "registry": ["url", "username", "timeout_s"],
    "clickhouse": ["url", "cluster"],
    "sink": ["session_timeout_s", "epoch", "insert_timeout_s", "max_rows"],
    "work": ["session_timeout_s", "inference_threads", "batch_events", "stall_s"],
}  # fmt: skip


def mostly(good: list[Any], odd: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """What can be meant, and now and then something else."""
    return st.integers(0, 7).flatmap(lambda number: odd if number == 0 else st.sampled_from(good))


@st.composite
def configurations(draw: st.DrawFn, picture: str) -> dict[str, Any]:
    """A configuration with a few settings of any value, a stand and a playlist."""
    value = st.one_of(NUMBERS, NUMBERS, WORDS, st.booleans(), st.none())
    found: dict[str, Any] = {"capture": {"folder_fps": 5}}
    for section in draw(st.lists(st.sampled_from(sorted(SAID)), max_size=2, unique=True)):
        found[section] = found.get(section, {}) | {draw(st.sampled_from(SAID[section])): draw(value)}
    camera: dict[str, Any] = {
        "source": draw(
            mostly([picture, f"{picture[:-4]}.jpg", "rtsp://c/1"], st.sampled_from(["http://c:0", "~"]))
        )
    }
    if draw(st.booleans()):
        camera["start_at"] = draw(mostly(["2026-03-02T10:00:00Z", "1970-01-01T00:00:00+00:00"], WORDS))
    stand: dict[str, Any] = {"stand_id": draw(mostly(["a", "b"], WORDS)), "cameras": [camera]}
    if draw(st.booleans()):
        slot = {"campaign_id": "c", "creative_id": "k", "duration_s": draw(mostly([0.1, 7, 86_400], NUMBERS))}
        zone = draw(mostly(["UTC", "Asia/Kathmandu"], WORDS))
        opening = {"opens": "22:00", "closes": "02:00", "time_zone": zone}
        anchor = draw(mostly([None, "0001-01-02T00:00:00Z", "9999-12-30T00:00:00Z"], WORDS))
        stand["playlist"] = {
            "slots": [slot],
            "anchor": anchor,
            "opening": draw(st.sampled_from([None, opening])),
        }
    if draw(st.booleans()):
        edge = mostly([0.1, 0.9, 2], NUMBERS)
        stand["screen"] = {
            "bearing_yaw_deg": draw(mostly([-90], NUMBERS)),
            "zone": [[draw(edge), 0], [1, draw(edge)]],
        }
    others: tuple[list[Any], ...] = [{**stand, "stand_id": "c"}], [], [], [stand]
    return {**found, "stands": [stand, *draw(st.sampled_from(others))]}


def build_all(found: Settings) -> None:
    """What the verbs make of settings before they ask anybody; the sinks of none of it are opened."""
    options = measure_options(found)
    runtime = LocalRuntime({"measure": MeasureStage(options)}, lambda _: None)
    AlignedMeasure(options)
    list(wanted_topics(found.topics, found.kafka.topics, brokers=3))
    _configuration(found)
    for stand in found.stands:
        options.metric_version(stand.stand_id)
        feed = PlayFeed(stand.playlist, stand.stand_id)
        for line in camera_lines(found, stand, "fast"):
            start_us = line.capture._options.start_us
            event = FaceObservations(
                observation_id=derive_id("observation", stand.stand_id, line.camera_id, 0),
                stand_id=stand.stand_id, camera_id=line.camera_id, frame_index=0, t_us=start_us,
                width_px=640, height_px=480, model_version="m", faces=(),
            )  # fmt: skip
            for play in feed.until(start_us):
                runtime.publish("plays", stand.stand_id, play)
            runtime.publish("observations", stand.stand_id, event)
            spec = parse_source(line.capture._plan.spec.target)
            if spec.kind == "folder":
                open_camera(spec, line.capture._options, decode=lambda _: None).read()  # type: ignore[arg-type, return-value]
            threading.Event().wait(0 * line.capture._options.open_timeout_s)
            timedelta(seconds=line.capture._options.freeze_s)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_is_accepted_can_be_built_and_what_is_refused_is_so_by_all(
    data: st.DataObject, tmp_path: Path, picture: Path
) -> None:
    path = written(tmp_path, yaml.safe_dump(data.draw(configurations(str(picture)))))
    given = Given(config_path=path)
    found = refusal = None
    try:
        found = given.settings(*SERVERS, needs=EVERYTHING)
    except UsageError as error:
        refusal = str(error)
    if found is None:
        assert refusal is not None
        assert str(path) in refusal
        assert "(line " in refusal
        return
    build_all(found)
    load_settings(path)
    assert given.settings(*SERVERS, needs=Needs(sources=True)) == found
