"""Who may work beside whom: a group shows what its events mean."""

import logging

import msgspec
import pytest

from onlooker.settings.configuration import Settings
from onlooker.wiring import work
from processors.observe.traits import TraitOptions
from processors.runtime.agents.agreement import Member, client_of, disagreement
from processors.thresholds import MeasureOptions, StandOptions
from schemas.errors import UsageError


def beside(*clients: str) -> UsageError | None:
    members = [Member(client=client, host="10.0.0.5") for client in clients]
    return disagreement("measure", "mall.onlooker-measure", "aaaa", members)


def test_alone_or_beside_the_same_options_a_worker_begins() -> None:
    assert beside() is None
    assert beside(client_of("measure", "aaaa"), client_of("measure", "aaaa")) is None


def test_beside_other_options_it_does_not_and_says_whose() -> None:
    refused = beside(client_of("measure", "aaaa"), client_of("measure", "bbbb"))
    assert refused is not None
    words = ("(aaaa)", "bbbb, at 10.0.0.5", "mall.onlooker-measure", "Stop all workers of measure")
    assert all(word in str(refused) for word in words)
    assert refused.exit_code == 2


def test_a_worker_of_an_earlier_release_is_let_pass_and_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert beside("faust-1.14") is None
    assert "10.0.0.5 does not show its options" in caplog.text
    assert beside("faust-1.14", client_of("measure", "bbbb")) is not None


def test_what_measure_means_is_every_threshold_and_every_stand() -> None:
    meaning = work.MEANINGS["measure"]
    plain = meaning(Settings())
    assert plain == meaning(Settings(measure=MeasureOptions(stands={"s": StandOptions()})))
    assert plain == meaning(Settings(traits=TraitOptions(), data_dir=Settings().data_dir / "else"))
    assert plain != meaning(Settings(measure=MeasureOptions(window_s=20.0)))
    assert plain != meaning(Settings(measure=MeasureOptions(stands={"s": StandOptions(bearing_yaw_deg=1)})))


def test_what_observe_means_is_its_models_and_how_it_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    models = {"detection": "one"}
    monkeypatch.setattr(work, "model_files", lambda settings: models)
    monkeypatch.setattr(work, "model_version", lambda files: str(sorted(files.items())))
    meaning = work.MEANINGS["observe"]
    plain = meaning(Settings())
    assert plain == meaning(Settings(measure=MeasureOptions(window_s=20.0)))
    for section in ("detection", "observe", "traits", "identity"):
        options = getattr(Settings(), section)
        name = next(f for f in options.__struct_fields__ if isinstance(getattr(options, f), int | float))
        other = msgspec.structs.replace(options, **{name: getattr(options, name) + 1})
        assert meaning(msgspec.structs.replace(Settings(), **{section: other})) != plain, section
    models["detection"] = "two"
    assert meaning(Settings()) != plain
