"""The cache: where prepared models and samples lie, what is missing, and which version of them a run uses."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from onlooker.models.registry import Registry, load_registry
from schemas.errors import UsageError
from schemas.foreign import read_bounded

MOST_RECEIPT_BYTES = 4096


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What a file was when it was hashed here; it holds while size and time of change are the same."""

    sha256: str
    size_bytes: int
    changed_ns: int
    """Of the file's entry, not of its content: that one can be set by whoever copies the file."""


class ModelCache:
    """A folder with `models/STAGE.onnx` and `samples/NAME`; it only reads."""

    def __init__(self, root: Path, registry: Registry | None = None) -> None:
        self.root = root
        self._registry = registry or load_registry()

    def model_path(self, stage: str) -> Path:
        """Where the model of a stage lies once it is prepared."""
        return self.root / "models" / f"{self._registry.model(stage).stage}.onnx"

    def sample_path(self, name: str) -> Path:
        """Where a sample lies once it is prepared."""
        return self.root / "samples" / self._registry.sample(name).name

    def missing(self, stages: Iterable[str]) -> tuple[str, ...]:
        """The stages whose model is not there, or is another version than the registry's."""
        return tuple(s for s in stages if not _is(self.model_path(s), self._registry.model(s).sha256))

    def missing_samples(self, names: Iterable[str]) -> tuple[str, ...]:
        """The samples that are not there, or are not what the registry says."""
        return tuple(n for n in names if not _is(self.sample_path(n), self._registry.sample(n).sha256))


def default_root(environment: Mapping[str, str]) -> Path:
    """The cache of this user, by ONLOOKER_CACHE, XDG_CACHE_HOME and HOME, in this order."""
    if chosen := environment.get("ONLOOKER_CACHE"):
        return Path(chosen).expanduser()
    caches = environment.get("XDG_CACHE_HOME") or Path(environment.get("HOME", "~")).expanduser() / ".cache"
    return Path(caches) / "onlooker"


def model_version(models: Mapping[str, Path]) -> str:
    """A name for the files of a run by stage, the same only if every file is: 12 hexadecimal digits."""
    lines = [f"{stage} {digest_of(path)}\n" for stage, path in sorted(models.items())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:12]


def digest_of(path: Path) -> str:
    """SHA-256 of a file, from its receipt when that still holds, so that start-up need not hash."""
    receipt = _receipt_of(path)
    state = path.stat()
    if receipt and (receipt.size_bytes, receipt.changed_ns) == (state.st_size, state.st_ctime_ns):
        return receipt.sha256
    return hashed(path)


def hashed(path: Path) -> str:
    """SHA-256 of a file, read in full."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def receipt_path(path: Path) -> Path:
    """Where the receipt of a file lies."""
    return path.with_name(f".{path.name}.receipt")


def _receipt_of(path: Path) -> Receipt | None:
    try:
        text = read_bounded(receipt_path(path), MOST_RECEIPT_BYTES, "receipt")
        return msgspec.json.decode(text, type=Receipt)
    except (OSError, UsageError, msgspec.DecodeError):
        return None


def _is(path: Path, sha256: str) -> bool:
    return path.is_file() and digest_of(path) == sha256
