"""The registry: what every model and sample is, where it comes from and what it may be used for."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Literal

import msgspec

from schemas.errors import UsageError


class Build(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The build of a wheel that pip must be asked for by name; it is only unpacked, so any machine may."""

    platform: str
    python: str
    implementation: str
    abi: str


class Wheel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A wheel of the package index; `built_for` is None for one that fits every machine."""

    version: str
    sha256: str
    size_bytes: int
    built_for: Build | None = None


class Tensor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An end of a network; a word in the shape is a free dimension, `faces` may also be fixed at 1.

    `range` is the least and the greatest value that an input is made for, None for outputs.
    """

    name: str
    shape: tuple[int | str, ...]
    range: tuple[float, float] | None = None


class ModelEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A network of ours: source, recipe, result, licence and contract.

    `member_sha256` pins the file in the wheel, `sha256` the ONNX file that the recipe makes of it.
    """

    stage: str
    name: str
    finds: str
    wheel: str
    member: str
    member_sha256: str
    recipe: str
    sha256: str
    size_bytes: int
    licence: str
    origin: str
    training_data: str
    preprocessing: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


class SampleEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A clip or picture to try the system with, taken out of a wheel as it is."""

    name: str
    shows: str
    wheel: str
    member: str
    sha256: str
    size_bytes: int
    licence: str
    origin: str


class Alternative(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model that a user may bring, and what it takes to use it."""

    stage: str
    name: str
    licence: str
    fits: Literal["direct", "convert", "code"]
    note: str
    recipe: str | None = None


class Registry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that `onlooker models` knows."""

    wheels: Mapping[str, Wheel]
    models: tuple[ModelEntry, ...]
    samples: tuple[SampleEntry, ...]
    alternatives: tuple[Alternative, ...]

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that have a model, in the registry's order."""
        return tuple(entry.stage for entry in self.models)

    def model(self, stage: str) -> ModelEntry:
        """The model of a stage.

        Raises:
            UsageError: no stage is called that.
        """
        for entry in self.models:
            if entry.stage == stage:
                return entry
        raise UsageError(f"models.{stage}: there is no such stage. Allowed here: {', '.join(self.stages)}.")

    def sample(self, name: str) -> SampleEntry:
        """The sample of that name.

        Raises:
            UsageError: no sample is called that.
        """
        for entry in self.samples:
            if entry.name == name:
                return entry
        names = ", ".join(entry.name for entry in self.samples)
        raise UsageError(f"There is no sample {name}. There are {names}.")


def load_registry() -> Registry:
    """The registry that is part of the package."""
    source = files("onlooker.models").joinpath("registry.yaml").read_bytes()
    return msgspec.yaml.decode(source, type=Registry)
