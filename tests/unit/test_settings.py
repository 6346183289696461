"""The configuration: a wrong one names file, path and what is allowed; a right one is read with defaults."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import yaml

from onlooker.settings.clickhouse_section import ClickHouseSettings
from onlooker.settings.configuration import Settings, Sources, load_settings, with_sources, without_secrets
from schemas.errors import UsageError

GOOD = """
stands:
  - stand_id: entrance
    cameras: [{source: walk.mp4}, {source: "rtsp://user:hunter2@camera/1", camera_id: back}]
    playlist:
      slots: [{campaign_id: spring, creative_id: coat, duration_s: 5}]
capture: {policy: drop_newest}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "shop.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(folder: Path, text: str) -> str:
    with pytest.raises(UsageError) as caught:
        load_settings(written(folder, text))
    assert "shop.yaml" in str(caught.value)
    return str(caught.value)


def test_without_a_file_there_are_defaults() -> None:
    assert load_settings(None) == Settings()


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    assert load_settings(written(tmp_path, "")).capture == Settings().capture


def test_a_file_is_read_and_its_paths_lie_beside_it(tmp_path: Path) -> None:
    (tmp_path / "walk.mp4").touch()
    settings = load_settings(written(tmp_path, GOOD))
    assert settings.stands[0].cameras[0].source == str(tmp_path / "walk.mp4")
    assert settings.stands[0].cameras[1].camera_id == "back"
    assert settings.capture.policy == "drop_newest"
    assert settings.data_dir == tmp_path / "onlooker-data"


def test_an_unknown_setting_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    words = refused(tmp_path, "capture: {polcy: wait}")
    assert "capture.polcy" in words
    assert "policy" in words


def test_an_unknown_setting_inside_a_list_is_found(tmp_path: Path) -> None:
    words = refused(tmp_path, "stands: [{stand_id: a, cameras: [{source: x, fps: 3}]}]")
    assert "stands[0].cameras[0].fps" in words
    assert "camera_id" in words


def test_a_wrong_choice_is_refused_with_the_right_ones(tmp_path: Path) -> None:
    words = refused(tmp_path, "capture: {policy: sometimes}")
    assert "capture.policy" in words
    assert "wait, drop_oldest, drop_newest" in words


def test_a_wrong_type_names_its_path(tmp_path: Path) -> None:
    assert "measure.window_s" in refused(tmp_path, "measure: {window_s: often}")


def test_an_unknown_stage_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    words = refused(tmp_path, "models: {nonsense: x.onnx}")
    assert "models" in words
    assert "detection, mesh, template, expression, age, gender" in words


@pytest.mark.parametrize(
    "text",
    [
        "detection: {min_score: 7}",
        "identity: {false_positive_rate: 0}",
        "traits: {expression_every_s: -1}",
        "observe: {tracking: {max_misses: 0}}",
    ],
)
def test_a_value_out_of_range_is_refused(tmp_path: Path, text: str) -> None:
    assert "Expected" in refused(tmp_path, text)


def test_a_stand_without_cameras_is_refused(tmp_path: Path) -> None:
    assert "stands[0].cameras" in refused(tmp_path, "stands: [{stand_id: a, cameras: []}]")


def test_two_stands_of_one_name_are_refused(tmp_path: Path) -> None:
    twice = "stands: [{stand_id: a, cameras: [{source: x}]}, {stand_id: a, cameras: [{source: y}]}]"
    assert "two stands" in refused(tmp_path, twice)


def test_two_cameras_of_one_name_are_refused_also_when_one_is_called_by_its_place(tmp_path: Path) -> None:
    for first, second in (("{camera_id: left, ", "{camera_id: left, "), ("{camera_id: camera-2, ", "{")):
        twice = f"stands: [{{stand_id: a, cameras: [{first}source: x}}, {second}source: y}}]}}]"
        assert "two cameras" in refused(tmp_path, twice)


def test_what_is_not_yaml_is_refused(tmp_path: Path) -> None:
    assert "not YAML" in refused(tmp_path, "stands: [")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_settings(tmp_path / "nowhere.yaml")


def test_no_secret_is_shown(tmp_path: Path) -> None:
    shown = str(without_secrets(load_settings(written(tmp_path, GOOD))))
    assert "hunter2" not in shown
    assert "camera/1" in shown


def test_what_is_shown_can_be_read_again(tmp_path: Path) -> None:
    plain = msgspec.to_builtins(load_settings(written(tmp_path, GOOD)), str_keys=True, enc_hook=str)
    again = load_settings(written(tmp_path, yaml.safe_dump(plain)))
    assert again.stands == load_settings(written(tmp_path, GOOD)).stands


def test_sources_of_the_command_line_are_stands_named_after_their_files(tmp_path: Path) -> None:
    clip = tmp_path / "my walk.mp4"
    clip.touch()
    settings = with_sources(Settings(), Sources(names=(str(clip), str(clip), "0", "rtsp://camera/1")))
    names = [stand.stand_id for stand in settings.stands]
    assert names == ["my-walk", "my-walk-2", "stand-3", "stand-4"]
    assert settings.stands[0].playlist.slots[0].campaign_id == "default"


def test_stands_named_after_their_files_never_share_a_name(tmp_path: Path) -> None:
    names = ("cam-3", "cam", "other/cam", "third/cam", "cam-4")
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.mp4").touch()
    settings = with_sources(Settings(), Sources(names=tuple(str(tmp_path / f"{name}.mp4") for name in names)))
    stands = [stand.stand_id for stand in settings.stands]
    assert len(set(stands)) == len(names), stands


def test_time_and_rate_of_sources_are_told_of_sources(tmp_path: Path) -> None:
    at = datetime(2026, 11, 21, 7, tzinfo=UTC)
    settings = with_sources(Settings(), Sources(names=("0",), start_at=at, fps=5.0))
    assert (settings.capture.start_at, settings.capture.folder_fps) == (at, 5.0)
    with pytest.raises(UsageError, match="--source"):
        with_sources(Settings(), Sources(fps=5.0))


@pytest.mark.parametrize("section", ["kafka", "clickhouse", "registry"])
def test_a_password_in_the_file_is_refused_with_the_places_for_it(tmp_path: Path, section: str) -> None:
    words = refused(tmp_path, f"{section}: {{password: hunter2}}")
    assert "hunter2" not in words
    assert f"ONLOOKER_{section.upper()}_PASSWORD" in words
    assert f"{section}.password_file" in words


def test_files_of_a_connection_lie_beside_the_configuration(tmp_path: Path) -> None:
    text = "{section}: {{password_file: secret/p, ca_file: ca.pem, certificate_file: /etc/c.pem}}\n"
    settings = load_settings(
        written(tmp_path, text.format(section="kafka") + text.format(section="clickhouse"))
    )
    for part in (settings.kafka, settings.clickhouse):
        assert part.password_file == tmp_path / "secret/p"
        assert part.ca_file == tmp_path / "ca.pem"
        assert part.certificate_file == Path("/etc/c.pem")
        assert part.key_file is None


def test_certificates_without_tls_are_refused(tmp_path: Path) -> None:
    plain = ClickHouseSettings(url="clickhouse://db", ca_file=tmp_path / "ca.pem")
    with pytest.raises(UsageError, match="secure=1"):
        plain.address()


def test_without_a_url_the_server_is_embedded() -> None:
    assert ClickHouseSettings().address() is None


def test_the_password_of_a_database_url_is_allowed_and_never_shown(tmp_path: Path) -> None:
    settings = load_settings(written(tmp_path, "clickhouse: {url: 'clickhouse://sink:hunter2@db/x'}"))
    address = settings.clickhouse.address()
    assert address is not None
    assert address.password == "hunter2"
    plain = msgspec.to_builtins(without_secrets(settings), str_keys=True, enc_hook=str)
    for shown in (repr(settings), str(address), repr(address), yaml.safe_dump(plain)):
        assert "hunter2" not in shown
        assert "db" in shown
