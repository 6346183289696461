"""Metric versions: the same thresholds have the same version, any other threshold another one."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from onlooker.settings.configuration import CameraSettings, Settings, StandSettings
from onlooker.wiring.database import note_thresholds
from processors.thresholds import MeasureOptions, StandOptions
from schemas.events import METRIC_VERSION

OTHER: dict[str, Any] = {
    "looking": "intel",
    "confirm_samples": 4,
    "retention_s": 301,
    "jump_confirmations": 4,
}
NUMBERS = [name for name in MeasureOptions.__struct_fields__ if name not in ("stands", "looking")]
TURNED = StandOptions(bearing_yaw_deg=10.0)


def changed(name: str) -> MeasureOptions:
    """The defaults with one threshold a little larger."""
    value = OTHER[name] if name in OTHER else getattr(MeasureOptions(), name) * 1.01
    return MeasureOptions(**{name: value})


def test_the_defaults_are_the_version_of_the_formulas() -> None:
    assert MeasureOptions().metric_version("s") == METRIC_VERSION
    assert MeasureOptions(stands={"s": StandOptions()}).metric_version("s") == METRIC_VERSION


@pytest.mark.parametrize("name", [*NUMBERS, "looking"])
def test_any_changed_threshold_is_another_version(name: str) -> None:
    assert re.fullmatch(r"1\+[0-9a-f]{8}", changed(name).metric_version("s"))
    others = {changed(each).metric_version("s") for each in [*NUMBERS, "looking"] if each != name}
    assert changed(name).metric_version("s") not in {METRIC_VERSION, *others}


@pytest.mark.parametrize("screen", [TURNED, StandOptions(zone=((0.5, 0.0), (1.0, 1.0)))])
def test_bearing_and_zone_of_a_stand_count_for_it_alone(screen: StandOptions) -> None:
    options = MeasureOptions(stands={"s": screen})
    assert options.metric_version("s") != METRIC_VERSION
    assert options.metric_version("other") == METRIC_VERSION
    assert options.metric_version("s") == MeasureOptions(stands={"a": screen}).metric_version("a")


def test_a_whole_number_is_the_same_threshold() -> None:
    assert MeasureOptions(rejoin_s=12).thresholds("s") == MeasureOptions(rejoin_s=12.0).thresholds("s")
    assert MeasureOptions(rejoin_s=10).metric_version("s") == METRIC_VERSION


def test_the_version_is_the_digest_of_the_thresholds() -> None:
    options = MeasureOptions(engaged_score=40.0, stands={"s": TURNED, "unasked": StandOptions()})
    text = options.thresholds("s")
    assert options.metric_version("s") == f"1+{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    values = msgspec.json.decode(text)
    assert list(values) == sorted(values)
    assert values["stand"] == {"bearing_pitch_deg": 0.0, "bearing_yaw_deg": 10.0, "zone": None}
    assert values["engaged_score"] == 40.0
    assert "unasked" not in text


class Noted:
    """A store that only remembers what it was given."""

    def __init__(self) -> None:
        self.columns: list[Mapping[str, Any]] = []

    def insert(self, table: str, columns: Mapping[str, Any], token: str) -> None:
        assert table == "metric_versions"
        assert token
        self.columns.append(columns)

    def command(self, sql: str) -> None:
        raise AssertionError(sql)

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        raise AssertionError((sql, parameters))


def test_a_run_notes_each_version_of_its_stands_once() -> None:
    cameras = (CameraSettings(source="0"),)
    stands = [StandSettings(stand_id=name, cameras=cameras) for name in ("a", "b")]
    stands.append(StandSettings(stand_id="c", cameras=cameras, screen=TURNED))
    store = Noted()
    note_thresholds(store, Settings(stands=tuple(stands)))
    options = MeasureOptions(stands={"c": TURNED})
    assert store.columns == [
        {"metric_version": [options.metric_version(name)], "thresholds": [options.thresholds(name)]}
        for name in ("a", "c")
    ]
