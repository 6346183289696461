"""Galleries, checkpoints, journals, notes of servers and models from somebody else are data, with bounds."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import lz4.frame
import msgspec
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from onlooker.models.cache import ModelCache, digest_of, hashed, receipt_path
from onlooker.models.keeping import keep
from onlooker.models.overrides import leads_elsewhere, resolve_models
from onlooker.people.records import PersonRecord, packed_templates
from onlooker.people.sealing import SealBrokenError
from onlooker.people.store import KEYS_FOLDER, GalleryStore, open_or_create_store
from processors.runtime.work.checkpoint import MOST_BYTES, checkpoint_from
from producers.publish.journal import Journal
from schemas.errors import UsageError
from sinks.ownership import Ownership
from sinks.store.embedded.files import CONNECTION, read_connection
from tests.unit.test_people_store import person

HUGE_BYTES = 1 << 36
PATIENCE_S = 10.0


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(HUGE_BYTES)


def piped(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def endless(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")


@pytest.fixture
def store(tmp_path: Path) -> GalleryStore:
    """A gallery of one, and a file beside it that belongs to nobody but its owner."""
    (tmp_path / "victim.txt").write_text("mine")
    found = open_or_create_store(tmp_path / "gallery")
    found.write(person("Ann"))
    return found


def victim(folder: Path) -> str:
    return (folder / "victim.txt").read_text()


@pytest.mark.timeout(60)
@pytest.mark.parametrize("spoil", [sparse, piped, endless])
@pytest.mark.parametrize("pattern", ["*.person", "keys/*.key"])
def test_a_gallery_is_read_within_bounds(
    store: GalleryStore, tmp_path: Path, spoil: Callable[[Path], None], pattern: str
) -> None:
    (path,) = (tmp_path / "gallery").glob(pattern)
    spoil(path)
    begun_s = time.monotonic()
    contents = store.contents()
    assert (contents.people, len(contents.damaged)) == ((), 1)
    assert time.monotonic() - begun_s < PATIENCE_S


@pytest.mark.timeout(60)
@pytest.mark.parametrize("spoil", [sparse, piped, endless])
def test_a_site_key_is_read_within_bounds(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    open_or_create_store(tmp_path / "gallery")
    spoil(tmp_path / "gallery" / "site.key")
    if spoil is sparse:
        (tmp_path / "gallery" / "site.key").chmod(0o600)
    with pytest.raises(UsageError):
        open_or_create_store(tmp_path / "gallery")


@pytest.mark.parametrize("pattern", ["*.person", "keys/*.key"])
def test_forgetting_somebody_erases_nothing_outside_of_the_gallery(
    store: GalleryStore, tmp_path: Path, pattern: str
) -> None:
    (path,) = (tmp_path / "gallery").glob(pattern)
    content = path.read_bytes()
    (tmp_path / "victim.txt").write_bytes(content)
    path.unlink()
    path.symlink_to(tmp_path / "victim.txt")
    assert store.forget("Ann")
    assert (tmp_path / "victim.txt").read_bytes() == content
    assert not path.is_symlink()


def test_a_gallery_whose_keys_lie_elsewhere_is_not_written(store: GalleryStore, tmp_path: Path) -> None:
    """Closing the folder to others, or erasing keys in it, would do so to somebody else's."""
    (tmp_path / "gallery" / KEYS_FOLDER).rename(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").chmod(0o755)
    (tmp_path / "gallery" / KEYS_FOLDER).symlink_to(tmp_path / "elsewhere")
    before = sorted(path.name for path in (tmp_path / "elsewhere").iterdir())
    for act in (lambda: store.write(person("Bob")), lambda: store.forget("Ann")):
        with pytest.raises(UsageError, match="is a link"):
            act()
    assert sorted(path.name for path in (tmp_path / "elsewhere").iterdir()) == before
    assert (tmp_path / "elsewhere").stat().st_mode & 0o777 == 0o755


def spoiled(**changes: object) -> PersonRecord:
    return msgspec.structs.replace(person("Ann"), **changes)


@pytest.mark.parametrize(
    "record",
    [
        spoiled(template_bytes=b"x" * 511),
        spoiled(template_bytes=packed_templates(np.full((1, 128), np.nan, np.float32))),
        spoiled(person_id="\x1b[2J"),
        spoiled(person_id="../Ann"),
        spoiled(created_us=-1),
        spoiled(updated_us=2**62),
    ],
)
def test_a_person_that_no_enrolment_made_is_left_out(tmp_path: Path, record: PersonRecord) -> None:
    store = open_or_create_store(tmp_path / "gallery")
    store.write(record)
    contents = store.contents()
    assert (contents.people, len(contents.damaged)) == ((), 1)
    with pytest.raises(SealBrokenError):
        store.read(record.person_id)


def test_a_checkpoint_cannot_fill_the_memory() -> None:
    bomb = lz4.frame.compress(bytes(MOST_BYTES + 1))
    assert len(bomb) < MOST_BYTES / 200
    with pytest.raises(UsageError, match="does not end within"):
        checkpoint_from(bomb, "measure")


@pytest.mark.parametrize(
    "plain",
    [
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff" + b"\xa1a" * 10,
        b"\x91" * 100_000,
        b"\xc6\xff\xff\xff\xff" + b"a",
        b"\x81\xb2checkpoint_version\x01",
        b"\x81\xb2checkpoint_version\xa3one",
        b"\xa2\xff\xfe",
    ],
)
def test_a_checkpoint_that_lies_about_its_size_is_damaged(plain: bytes) -> None:
    for data in (lz4.frame.compress(plain), lz4.frame.compress(plain)[:-5], plain, b""):
        with pytest.raises(UsageError, match="checkpoint"):
            checkpoint_from(data, "measure")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("spoil", [sparse, piped, endless])
def test_a_journal_is_read_within_bounds(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    spoil(tmp_path / "journal.json")
    with pytest.raises(UsageError):
        Journal(tmp_path / "journal.json")


@pytest.mark.parametrize(
    "note",
    [
        {"first_us": 2**62},
        {"until_us": -1},
        {"times_us": {"camera-1": 2**63 - 1}},
        {"frames": {"camera-1": -7}},
        {"played_us": 10**30},
    ],
)
def test_a_journal_says_nothing_that_cannot_be(tmp_path: Path, note: dict[str, object]) -> None:
    (tmp_path / "journal.json").write_text(json.dumps({"entrance": note}))
    with pytest.raises(UsageError, match="is no journal of a capture"):
        Journal(tmp_path / "journal.json")


def test_a_data_directory_does_not_say_where_passwords_are_sent(tmp_path: Path) -> None:
    note = {"tcp_port": 1, "http_port": 2, "analyst_password": "a", "onlooker_password": "b", "pid": 1}
    (tmp_path / CONNECTION).write_text(json.dumps(note))
    assert read_connection(tmp_path) is not None
    (tmp_path / CONNECTION).write_text(json.dumps({**note, "host": "stranger.example"}))
    assert read_connection(tmp_path) is None


@pytest.mark.timeout(60)
@pytest.mark.parametrize("spoil", [sparse, piped, endless])
def test_the_note_of_a_server_is_read_within_bounds(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    spoil(tmp_path / CONNECTION)
    assert read_connection(tmp_path) is None


def test_owning_a_directory_writes_through_no_link(tmp_path: Path) -> None:
    (tmp_path / "victim.txt").write_text("mine")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "lock").symlink_to(tmp_path / "victim.txt")
    with pytest.raises(UsageError), Ownership(tmp_path / "data" / "lock"):
        pass
    assert victim(tmp_path) == "mine"


def test_a_receipt_that_came_with_a_model_is_not_believed(tmp_path: Path) -> None:
    """A cache that was copied brings receipts, sizes and times that say whatever its maker liked."""
    cache = ModelCache(tmp_path / "cache")
    path = cache.model_path("age")
    keep(path, b"A")
    stranger = tmp_path / "copied" / path.name
    stranger.parent.mkdir()
    for source in (path, receipt_path(path)):
        target = stranger if source == path else receipt_path(stranger)
        target.write_bytes(source.read_bytes() if source != path else b"B")
        os.utime(target, ns=(source.stat().st_atime_ns, source.stat().st_mtime_ns))
    assert digest_of(stranger) == hashed(stranger) != hashed(path)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("spoil", [sparse, piped, endless])
def test_a_receipt_is_read_within_bounds(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    keep(tmp_path / "a.onnx", b"A")
    spoil(receipt_path(tmp_path / "a.onnx"))
    assert digest_of(tmp_path / "a.onnx") == hashed(tmp_path / "a.onnx")


def outside(tensor: TensorProto) -> TensorProto:
    """The same, kept in another file."""
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../../etc/passwd")
    return tensor


def weights() -> TensorProto:
    return numpy_helper.from_array(np.ones(4, np.float32), "w")


def in_a_constant() -> list[onnx.NodeProto]:
    return [helper.make_node("Constant", [], ["c"], value=outside(weights()))]


def in_a_branch() -> list[onnx.NodeProto]:
    branch = helper.make_graph([], "b", [], [], initializer=[outside(weights())])
    return [helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch)]


def test_a_model_that_names_other_files_is_refused(tmp_path: Path) -> None:
    shapes = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4])]
    node = helper.make_node("Add", ["x", "w"], ["y"])
    good = helper.make_model(helper.make_graph([node], "g", shapes, [], initializer=[weights()]))
    assert not leads_elsewhere(good)
    for nodes, initializer in (
        ([node], [outside(weights())]),
        (in_a_constant(), []),
        (in_a_branch(), []),
    ):
        model = helper.make_model(helper.make_graph(nodes, "g", shapes, [], initializer=initializer))
        (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
        with pytest.raises(UsageError, match="keeps weights in other files"):
            resolve_models(ModelCache(tmp_path), {"age": tmp_path / "model.onnx"}, stages=[])


@pytest.mark.timeout(60)
def test_a_model_is_read_within_bounds(tmp_path: Path) -> None:
    sparse(tmp_path / "model.onnx")
    with pytest.raises(UsageError, match="that is no network"):
        resolve_models(ModelCache(tmp_path), {"age": tmp_path / "model.onnx"}, stages=[])
