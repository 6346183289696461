"""The cache: what is missing, whole files only, and a version that changes with any file."""

import os
from pathlib import Path

import pytest

from onlooker.models.cache import ModelCache, default_root, digest_of, model_version, receipt_path
from onlooker.models.keeping import keep, sole_writer
from schemas.errors import UsageError

A = "559aead08264d5795d3909718cdd05abd49572e84fe55590eef31a88a08fdffd"  # SHA-256 of b"A"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"ONLOOKER_CACHE": "/c", "XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/c"),
        ({"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/x/onlooker"),
        ({"XDG_CACHE_HOME": "", "HOME": "/h"}, "/h/.cache/onlooker"),
    ],
)
def test_the_cache_is_where_the_user_says(environment: dict[str, str], expected: str) -> None:
    assert default_root(environment) == Path(expected)


def test_an_empty_cache_misses_everything(tmp_path: Path) -> None:
    cache = ModelCache(tmp_path)
    assert cache.missing(["detection", "age"]) == ("detection", "age")
    assert cache.missing_samples(["single_face.jpg"]) == ("single_face.jpg",)


def test_a_file_of_another_version_is_missing(tmp_path: Path) -> None:
    cache = ModelCache(tmp_path)
    keep(cache.model_path("age"), b"of an older registry")
    assert cache.missing(["age"]) == ("age",)


def test_a_kept_file_is_whole_and_has_a_receipt(tmp_path: Path) -> None:
    path = tmp_path / "models" / "a.onnx"
    keep(path, b"older")
    keep(path, b"A")
    assert path.read_bytes() == b"A"
    assert digest_of(path) == A
    assert sorted(p.name for p in path.parent.iterdir()) == [".a.onnx.receipt", "a.onnx"]


def test_a_receipt_saves_the_hashing_only_while_the_file_is_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    keep(path, b"B")
    receipt_path(path).write_bytes(
        receipt_path(path).read_bytes().replace(b'"sha256":"', b'"sha256":"from-receipt')
    )
    assert digest_of(path).startswith("from-receipt")
    path.write_bytes(b"A")
    os.utime(path, ns=(1, 1))
    assert digest_of(path) == A


@pytest.mark.parametrize("content", [b"", b"{", b'{"sha256": 3}'])
def test_a_broken_receipt_is_as_good_as_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(b"A")
    receipt_path(path).write_bytes(content)
    assert digest_of(path) == A


def test_the_version_changes_with_a_file_or_its_stage_and_with_nothing_else(tmp_path: Path) -> None:
    one, two, same = (tmp_path / name for name in ("1.onnx", "2.onnx", "3.onnx"))
    one.write_bytes(b"A")
    two.write_bytes(b"B")
    same.write_bytes(b"A")
    version = model_version({"age": one, "mesh": two})
    assert len(version) == 12
    assert model_version({"mesh": two, "age": same}) == version
    assert model_version({"age": two, "mesh": one}) != version
    assert model_version({"age": one}) != version


def test_what_was_on_its_way_is_gone_afterwards(tmp_path: Path) -> None:
    (tmp_path / ".arriving").mkdir()
    (tmp_path / ".arriving" / "left by a killed process").write_bytes(b"x")
    with sole_writer(tmp_path) as arriving:
        assert list(arriving.iterdir()) == []
        (arriving / "wheel").write_bytes(b"x")
    assert not arriving.exists()


def test_a_cache_that_cannot_be_written_is_named_with_the_mend(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with (
        pytest.raises(UsageError, match=r"file cannot be written.*Set ONLOOKER_CACHE"),
        sole_writer(tmp_path / "file"),
    ):
        pass
