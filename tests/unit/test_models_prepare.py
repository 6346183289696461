"""Preparation: offline once done, wrong files refused, whatever succeeded is kept, trouble in clear words."""

import errno
import zipfile
from hashlib import sha256
from pathlib import Path

import msgspec
import onnx
import pytest
from onnx import helper

from onlooker.models.cache import ModelCache
from onlooker.models.download import Arrived, fetched, pip_command
from onlooker.models.prepare import Step, prepare
from onlooker.models.recipes import recipe_named
from onlooker.models.registry import Build, Registry, SampleEntry, Wheel, load_registry
from schemas.errors import CheckFailedError, DependencyAwayError, LimitReachedError

MEMBER = "package/net.onnx"
CLIP = b"a clip"


def tiny_network() -> bytes:
    ends = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 2]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", ends[:1], ends[1:])
    return bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]).SerializeToString())


def digest(content: bytes) -> str:
    return sha256(content).hexdigest()


def tiny_registry() -> Registry:
    """One model out of `nets`, one sample out of `clips`."""
    template = load_registry().model("age")
    source = tiny_network()
    result = digest(recipe_named("dlib_onnx.folded")(source))
    model = msgspec.structs.replace(
        template, wheel="nets", member=MEMBER, member_sha256=digest(source), sha256=result
    )
    sample = SampleEntry(
        name="clip.mp4",
        shows="nothing",
        wheel="clips",
        member="data/clip.mp4",
        sha256=digest(CLIP),
        size_bytes=len(CLIP),
        licence="CC0-1.0",
        origin="made up",
    )
    wheel = Wheel(version="1.0", sha256="", size_bytes=1000)
    return Registry(
        wheels={"nets": wheel, "clips": wheel}, models=(model,), samples=(sample,), alternatives=()
    )


class Index:
    """A package index in memory: counts what is fetched, and refuses what it is told to."""

    def __init__(self, refused: str = "", trouble: Exception | None = None) -> None:
        self.fetched: list[str] = []
        self._refused = refused
        self._trouble = trouble

    def __call__(self, package: str, wheel: Wheel, folder: Path, arrived: Arrived) -> Path:
        self.fetched.append(package)
        if package == self._refused and self._trouble:
            raise self._trouble
        folder.mkdir()
        path = folder / f"{package}-{wheel.version}.whl"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(MEMBER, tiny_network())
            archive.writestr("data/clip.mp4", CLIP)
        arrived(500)
        return path


def prepared(root: Path, index: Index, registry: Registry | None = None) -> ModelCache:
    registry = registry or tiny_registry()
    cache = ModelCache(root, registry)
    prepare(cache, registry, stages=["age"], samples=["clip.mp4"], fetch=index)
    return cache


def test_models_and_samples_are_there_afterwards_and_no_wheel_is(tmp_path: Path) -> None:
    cache = prepared(tmp_path, Index())
    assert cache.missing(["age"]) == ()
    assert cache.sample_path("clip.mp4").read_bytes() == CLIP
    assert list(tmp_path.rglob("*.whl")) == []


def test_a_second_preparation_asks_the_index_for_nothing(tmp_path: Path) -> None:
    prepared(tmp_path, Index())
    again = Index()
    prepared(tmp_path, again)
    assert again.fetched == []


def test_only_what_is_missing_is_fetched(tmp_path: Path) -> None:
    cache = prepared(tmp_path, Index())
    cache.sample_path("clip.mp4").unlink()
    again = Index()
    prepared(tmp_path, again)
    assert again.fetched == ["clips"]


def test_what_succeeded_is_kept_when_another_wheel_fails(tmp_path: Path) -> None:
    with pytest.raises(DependencyAwayError, match="the index is away"):
        prepared(tmp_path, Index(refused="clips", trouble=DependencyAwayError("the index is away")))
    again = Index()
    prepared(tmp_path, again)
    assert again.fetched == ["clips"]


def test_a_member_with_another_hash_is_refused_with_both_hashes(tmp_path: Path) -> None:
    registry = tiny_registry()
    entry = msgspec.structs.replace(registry.models[0], member_sha256="0" * 64)
    registry = msgspec.structs.replace(registry, models=(entry,))
    with pytest.raises(DependencyAwayError, match=f"{'0' * 64}.*{digest(tiny_network())}"):
        prepared(tmp_path, Index(), registry)
    assert not (tmp_path / "models").exists()


def test_a_member_that_is_not_in_the_wheel_is_named(tmp_path: Path) -> None:
    registry = tiny_registry()
    entry = msgspec.structs.replace(registry.models[0], member="package/other.onnx")
    registry = msgspec.structs.replace(registry, models=(entry,))
    with pytest.raises(DependencyAwayError, match=r"no file package/other\.onnx"):
        prepared(tmp_path, Index(), registry)


def test_another_result_than_the_registry_names_is_refused(tmp_path: Path) -> None:
    registry = tiny_registry()
    entry = msgspec.structs.replace(registry.models[0], sha256="1" * 64)
    registry = msgspec.structs.replace(registry, models=(entry,))
    with pytest.raises(CheckFailedError, match=f"age.*{'1' * 64}"):
        prepared(tmp_path, Index(), registry)
    assert not (tmp_path / "models").exists()


def test_a_full_disk_is_a_limit_with_a_mend(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(LimitReachedError, match="ONLOOKER_CACHE"):
        prepared(tmp_path, Index(refused="nets", trouble=full))


def test_other_trouble_with_the_disk_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(PermissionError):
        prepared(tmp_path, Index(refused="nets", trouble=PermissionError(errno.EACCES, "no")))


def test_every_wheel_reports_its_way_from_downloading_to_ready(tmp_path: Path) -> None:
    registry, steps = tiny_registry(), list[Step]()
    prepare(ModelCache(tmp_path, registry), registry, stages=["age"], progress=steps.append, fetch=Index())
    assert [step.phase for step in steps] == ["downloading", "downloading", "converting", "ready"]
    assert [step.done_bytes for step in steps] == [0, 500, 1000, 1000]


def test_pip_is_asked_for_one_wheel_without_dependencies() -> None:
    build = Build(platform="manylinux_2_28_x86_64", python="3.11", implementation="cp", abi="cp311")
    wheel = Wheel(version="0.10.21", sha256="", size_bytes=1, built_for=build)
    words = " ".join(pip_command("mediapipe", wheel, Path("/f")))
    for need in ("--no-deps", "--only-binary=:all:", "--platform manylinux_2_28_x86_64", "--abi cp311"):
        assert need in words
    assert words.endswith("mediapipe==0.10.21")


def test_an_index_that_is_away_is_named_with_the_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Port 9 (discard) of this machine: nobody listens, nothing leaves it.
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    wheel = Wheel(version="1.0", sha256="", size_bytes=1)
    with pytest.raises(
        DependencyAwayError, match=r"onlooker-absent 1\.0 cannot be downloaded .*models prepare"
    ):
        fetched("onlooker-absent", wheel, tmp_path / "f", lambda _: None)


def test_a_wheel_with_another_hash_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # pip takes the wheel from a folder: no index is asked.
    folder = tmp_path / "index"
    folder.mkdir()
    with zipfile.ZipFile(folder / "onlooker_absent-1.0-py3-none-any.whl", "w") as archive:
        info = "onlooker_absent-1.0.dist-info"
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: onlooker-absent\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    wheel = Wheel(version="1.0", sha256="2" * 64, size_bytes=1)
    with pytest.raises(DependencyAwayError, match=f"onlooker-absent 1.0.*{'2' * 64} is expected"):
        fetched("onlooker-absent", wheel, tmp_path / "f", lambda _: None)
