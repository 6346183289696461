"""The gallery on disk: sealed, private, forgettable, and calm about damage."""

import stat
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlooker.models.cache import digest_of
from onlooker.people.galleries import load_gallery
from onlooker.people.records import PersonRecord, checked_person_id, packed_templates
from onlooker.people.sealing import SealBrokenError, new_key, seal, unseal, unwrap_key, wrap_key
from onlooker.people.site_key import create_site_key, read_site_key
from onlooker.people.store import GalleryStore, open_or_create_store, open_store
from onlooker.settings.configuration import Settings
from onlooker.wiring.perception import _recogniser
from schemas.errors import UsageError

DIGEST = "d" * 64


def person(person_id: str, *, seed: int = 0, digest: str = DIGEST) -> PersonRecord:
    templates = np.random.default_rng(seed).normal(size=(3, 128)).astype(np.float32)
    return PersonRecord(
        person_id=person_id,
        labels={"tier": "gold"},
        model_digest=digest,
        created_us=1,
        updated_us=2,
        template_bytes=packed_templates(templates),
    )


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    folder = tmp_path / "gallery"
    store = open_or_create_store(folder)
    for seed, name in enumerate(("Ann", "Bob", "Çelik Öz")):
        store.write(person(name, seed=seed))
    return folder


def test_what_is_written_comes_back(gallery: Path) -> None:
    people = open_store(gallery).contents().people
    assert [p.person_id for p in people] == ["Ann", "Bob", "Çelik Öz"]
    assert people[1] == person("Bob", seed=1)
    assert people[1].templates.shape == (3, 128)


def test_files_are_private(gallery: Path) -> None:
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [gallery, *gallery.rglob("*")]}
    assert all(mode == (0o700 if path.is_dir() else 0o600) for path, mode in modes.items()), modes


def test_neither_name_nor_template_can_be_read_from_the_files(gallery: Path) -> None:
    content = b"".join(path.read_bytes() for path in gallery.rglob("*") if path.is_file())
    assert b"Ann" not in content
    assert person("Ann").template_bytes[:16] not in content
    assert not any("Ann" in path.name for path in gallery.rglob("*"))


def test_forgetting_makes_a_copy_of_the_file_unreadable(gallery: Path) -> None:
    store = open_store(gallery)
    before = {path: path.read_bytes() for path in gallery.glob("*.person")}
    keys_before = set((gallery / "keys").iterdir())
    assert store.forget("Bob")
    gone = next(path for path in before if not path.exists())
    assert len(keys_before - set((gallery / "keys").iterdir())) == 1
    gone.write_bytes(before[gone])  # somebody puts a backup of the file back
    contents = open_store(gallery).contents()
    assert [p.person_id for p in contents.people] == ["Ann", "Çelik Öz"]
    assert [(d.file, d.reason) for d in contents.damaged] == [(gone.name, "its key is gone")]
    assert not open_store(gallery).forget("Nobody")


def test_enrolling_again_replaces_and_destroys_the_old_key(gallery: Path) -> None:
    store = open_store(gallery)
    old = {path: path.read_bytes() for path in gallery.glob("*.person")}
    store.write(person("Ann", seed=9))
    assert len(list((gallery / "keys").iterdir())) == 3
    assert store.read("Ann") == person("Ann", seed=9)
    for path, content in old.items():
        path.write_bytes(content)
    assert {p.person_id for p in store.contents().people} == {"Bob", "Çelik Öz"}


@pytest.mark.parametrize("place", [0, 10, 30, 40, -1])
def test_a_changed_file_is_named_and_skipped(gallery: Path, place: int) -> None:
    path = sorted(gallery.glob("*.person"))[0]
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(bytes(content))
    contents = open_store(gallery).contents()
    assert len(contents.people) == 2
    assert [d.file for d in contents.damaged] == [path.name]
    people, damaged = load_gallery(gallery, DIGEST)
    assert len(people) == 2
    assert damaged == contents.damaged


@pytest.mark.parametrize("content", [b"", b"x", b"ONLKPER1" + bytes(20)])
def test_a_cut_file_is_skipped(gallery: Path, content: bytes) -> None:
    sorted(gallery.glob("*.person"))[0].write_bytes(content)
    assert len(open_store(gallery).contents().damaged) == 1


def test_two_files_cannot_change_places(gallery: Path) -> None:
    one, two = sorted(gallery.glob("*.person"))[:2]
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    assert len(open_store(gallery).contents().damaged) == 2


def test_another_sites_key_opens_nothing(gallery: Path) -> None:
    (gallery / "site.key").unlink()
    with pytest.raises(UsageError, match="missing"):
        open_store(gallery)
    with pytest.raises(UsageError, match="missing"):
        open_or_create_store(gallery)
    create_site_key(gallery / "site.key")
    assert open_store(gallery).contents().people == ()
    assert len(open_store(gallery).contents().damaged) == 3
    with pytest.raises(UsageError, match="not the one that the gallery"):
        open_store(gallery).check_site_key()
    with pytest.raises(UsageError, match="not the one that the gallery"):
        load_gallery(gallery, DIGEST)


@pytest.mark.parametrize("ending", ["*.person", "keys/*.key"])
def test_one_damaged_file_does_not_make_the_site_key_wrong(gallery: Path, ending: str) -> None:
    next(gallery.glob(ending)).write_bytes(b"damaged" * 20)
    store = open_store(gallery)
    store.check_site_key()
    (damaged,) = store.contents().damaged
    assert damaged.file in damaged.sentence
    assert "enrol that person again" in damaged.sentence


def test_an_open_site_key_is_refused(gallery: Path) -> None:
    (gallery / "site.key").chmod(0o644)
    with pytest.raises(UsageError, match="chmod 600"):
        open_store(gallery)
    (gallery / "site.key").chmod(0o600)
    (gallery / "site.key").write_bytes(b"short")
    with pytest.raises(UsageError, match="damaged"):
        open_store(gallery)


def test_the_site_key_may_lie_elsewhere(tmp_path: Path) -> None:
    key_path = tmp_path / "safe" / "my.key"
    open_or_create_store(tmp_path / "g", key_path).write(person("Ann"))
    assert not (tmp_path / "g" / "site.key").exists()
    assert stat.S_IMODE(key_path.stat().st_mode) == 0o600
    assert len(open_store(tmp_path / "g", key_path).contents().people) == 1
    with pytest.raises(FileExistsError):
        create_site_key(key_path)
    assert len(read_site_key(key_path)) == 32


def test_templates_of_another_model_are_refused(gallery: Path) -> None:
    with pytest.raises(UsageError, match="another face model"):
        load_gallery(gallery, "e" * 64)
    assert load_gallery(gallery, DIGEST)[0].person_ids == ("Ann", "Bob", "Çelik Öz")


def test_no_gallery_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no gallery"):
        open_store(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="There is no gallery"):
        open_store(tmp_path / "empty")
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="not a folder"):
        open_or_create_store(tmp_path / "file")


def test_printing_a_person_shows_no_template() -> None:
    assert repr(person("Ann")) == "PersonRecord(person_id='Ann', pictures=3)"
    assert str([person("Ann")]) == "[PersonRecord(person_id='Ann', pictures=3)]"


@given(st.binary(max_size=200), st.text(alphabet="0123456789abcdef", min_size=32, max_size=32))
def test_sealing_turns_round_and_binds_the_name(body: bytes, stem: str) -> None:
    site_key = bytes(32)
    key_id, data_key = new_key()
    wrapped = wrap_key(data_key, key_id, site_key)
    assert unwrap_key(wrapped, key_id, site_key) == data_key
    sealed = seal(body, stem=stem, key_id=key_id, data_key=data_key)
    assert unseal(sealed, stem=stem, data_key=data_key) == body
    with pytest.raises(SealBrokenError):
        unseal(sealed, stem=stem + "x", data_key=data_key)
    with pytest.raises(SealBrokenError):
        unwrap_key(wrapped, key_id, bytes(31) + b"\1")


@pytest.mark.parametrize("text", ["", "  ", "a/b", "..", "a\\b", ".hidden", "x" * 129, "a\nb", "a\0b", "C:x"])
def test_what_cannot_be_an_id(text: str) -> None:
    with pytest.raises(UsageError):
        checked_person_id(text)


def test_an_id_has_one_form() -> None:
    assert checked_person_id(" Zoe\u0308 ") == "Zo\u00eb"
    assert checked_person_id("Jane_Doe-3") == "Jane_Doe-3"


def test_leftovers_of_a_crash_are_no_people(gallery: Path) -> None:
    (gallery / ".abc.person.1234.tmp").write_bytes(b"half")
    assert len(open_store(gallery).contents().people) == 3
    assert open_store(gallery).contents().damaged == ()


def test_a_store_that_was_never_written_is_empty(tmp_path: Path) -> None:
    contents = GalleryStore(tmp_path, bytes(32)).contents()
    assert contents.people == ()
    assert contents.damaged == ()


def test_who_recognises_with_a_damaged_file_is_warned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "template.onnx"
    model.write_bytes(b"a network")
    store = open_or_create_store(tmp_path / "gallery")
    for seed, name in enumerate(("Ann", "Bob")):
        store.write(person(name, seed=seed, digest=digest_of(model)))
    damaged = min((tmp_path / "gallery").glob("*.person"))
    damaged.write_bytes(b"damaged")
    _recogniser(Settings(), tmp_path / "gallery", model)
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"{damaged.name} in the gallery does not open and is skipped: it is cut short")
