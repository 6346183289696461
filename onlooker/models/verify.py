"""Verifies a cache: every file is what the registry says, and every model answers as it should."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from onlooker.models.answers import answered, differences, pinned_answers
from onlooker.models.cache import ModelCache, hashed, receipt_path
from onlooker.models.registry import ModelEntry, Registry
from processors.vision.nets import OnnxNet
from schemas.errors import DependencyAwayError

State = Literal["right", "missing", "changed", "answers otherwise"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What was found about one file; `words` explains anything but `right`."""

    name: str
    kind: Literal["model", "sample"]
    state: State
    words: str = ""


def verify(cache: ModelCache, registry: Registry) -> Iterator[Finding]:
    """A finding for each model, and for each sample that is there.

    Every file is read again, whatever its receipt says, and every model asked a known question.
    """
    for entry in registry.models:
        yield _model(entry, cache.model_path(entry.stage))
    for sample in registry.samples:
        path = cache.sample_path(sample.name)
        if path.is_file():
            state, words = _hash(path, sample.sha256)
            yield Finding(name=sample.name, kind="sample", state=state, words=words)


def _model(entry: ModelEntry, path: Path) -> Finding:
    if not path.is_file():
        return Finding(name=entry.stage, kind="model", state="missing", words=f"{path} is not there")
    state, words = _hash(path, entry.sha256)
    if state == "right":
        state, words = _answers(entry, path)
    return Finding(name=entry.stage, kind="model", state=state, words=words)


def _hash(path: Path, expected: str) -> tuple[State, str]:
    found = hashed(path)
    if found == expected:
        return "right", ""
    # Without its receipt the next preparation sees that the file must be replaced.
    receipt_path(path).unlink(missing_ok=True)
    return "changed", f"{path} has SHA-256 {found}, {expected} is expected"


def _answers(entry: ModelEntry, path: Path) -> tuple[State, str]:
    try:
        off = differences(answered(OnnxNet(path), entry), pinned_answers()[entry.stage])
    except DependencyAwayError as error:
        return "answers otherwise", str(error)
    return ("answers otherwise", "; ".join(off)) if off else ("right", "")
