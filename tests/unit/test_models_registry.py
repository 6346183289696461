"""The registry is complete: hashes, licences, origins, recipes and contracts for everything it names."""

import re

import msgspec
import pytest

from onlooker.models.answers import pinned_answers, probe
from onlooker.models.recipes import RECIPES
from onlooker.models.registry import ModelEntry, Registry, SampleEntry, load_registry
from schemas.errors import UsageError

REGISTRY = load_registry()
SHA256 = re.compile(r"[0-9a-f]{64}")
STAGES = ("detection", "mesh", "template", "expression", "age", "gender", "iris")


def test_every_stage_has_one_model() -> None:
    assert REGISTRY.stages == STAGES


@pytest.mark.parametrize("entry", REGISTRY.models, ids=lambda e: e.stage)
def test_a_model_says_where_it_comes_from_and_what_it_takes(entry: ModelEntry) -> None:
    assert entry.wheel in REGISTRY.wheels
    assert entry.recipe in RECIPES
    assert SHA256.fullmatch(entry.sha256)
    assert SHA256.fullmatch(entry.member_sha256)
    assert min(map(len, (entry.licence, entry.origin, entry.training_data, entry.preprocessing))) > 2
    assert all(tensor.range is not None and tensor.range[0] < tensor.range[1] for tensor in entry.inputs)


@pytest.mark.parametrize("entry", REGISTRY.models, ids=lambda e: e.stage)
def test_a_model_has_pinned_answers_for_all_its_outputs(entry: ModelEntry) -> None:
    assert set(pinned_answers()[entry.stage]) == {tensor.name for tensor in entry.outputs}


@pytest.mark.parametrize("entry", REGISTRY.models, ids=lambda e: e.stage)
def test_the_probe_fills_every_input_within_its_range(entry: ModelEntry) -> None:
    made = probe(entry)
    for tensor in entry.inputs:
        assert tensor.range is not None
        low, high = tensor.range
        values = made[tensor.name]
        assert values.dtype == "float32"
        assert len(values.shape) == len(tensor.shape)
        assert low <= values.min() < values.max() <= high + 1e-6


@pytest.mark.parametrize("entry", REGISTRY.samples, ids=lambda e: e.name)
def test_a_sample_says_where_it_comes_from(entry: SampleEntry) -> None:
    assert entry.wheel in REGISTRY.wheels
    assert entry.member.endswith(entry.name)
    assert SHA256.fullmatch(entry.sha256)
    assert min(map(len, (entry.licence, entry.origin, entry.shows))) > 2


@pytest.mark.parametrize("package", REGISTRY.wheels)
def test_a_wheel_is_pinned(package: str) -> None:
    wheel = REGISTRY.wheels[package]
    assert SHA256.fullmatch(wheel.sha256)
    assert re.fullmatch(r"\d+(\.\d+)+", wheel.version)
    assert wheel.size_bytes > 0


def test_an_alternative_that_is_to_be_converted_names_its_recipe() -> None:
    for alternative in REGISTRY.alternatives:
        assert alternative.stage in STAGES
        assert (alternative.recipe in RECIPES) == (alternative.fits == "convert"), alternative.name


def test_an_unknown_stage_or_sample_is_refused_with_the_allowed_names() -> None:
    with pytest.raises(UsageError, match=r"models\.nose.*detection, mesh"):
        REGISTRY.model("nose")
    with pytest.raises(UsageError, match=r"single_face\.jpg"):
        REGISTRY.sample("nobody.jpg")


def test_a_misspelt_field_is_refused() -> None:
    raw = msgspec.to_builtins(REGISTRY)
    raw["models"][0]["license"] = raw["models"][0].pop("licence")
    with pytest.raises(msgspec.ValidationError, match="license"):
        msgspec.convert(raw, Registry)
