"""Enrolment with faces made of numbers: who gets in, who does not, and why."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest

from onlooker.people.enrolment import Enroller, EnrolmentReport
from onlooker.people.pictures import EnrolmentOptions, PictureJudge
from onlooker.people.plan import read_plan
from onlooker.people.store import GalleryStore, open_or_create_store
from processors.observe.stills import StillFace
from schemas.errors import BadPictureError, UsageError
from schemas.ports import Floats, Pixels

DIGEST = "d" * 64


def template(person: int, picture: int = 0) -> Floats:
    """Pictures of one person have a cosine of about 0.8, of two people about 0."""
    own = np.random.default_rng(person).normal(size=128)
    noise = np.random.default_rng(1000 * person + picture + 1).normal(size=128) * 0.5
    return np.asarray((own + noise) / np.linalg.norm(own + noise), dtype=np.float32)


def face(person: int, picture: int = 0, *, side: float = 80.0, quality: float = 0.8) -> StillFace:
    return StillFace(box_px=(5.0, 6.0, side, side), quality=quality, template=template(person, picture))


class FacesByName:
    """Decodes a 'picture' whose bytes name a list of faces, and reads those."""

    def __init__(self, faces: dict[str, Sequence[StillFace]]) -> None:
        self._faces = faces

    def decode(self, data: bytes) -> Pixels:
        name = data.decode()
        if name not in self._faces:
            raise BadPictureError("damaged", "it is cut short")
        return np.full((1, 1, 3), list(self._faces).index(name), dtype=np.uint8)

    def observe(self, picture: Pixels) -> Sequence[StillFace]:
        return list(self._faces.values())[int(picture[0, 0, 0])]


FACES: dict[str, Sequence[StillFace]] = {
    "ann1": [face(1, 1)],
    "ann2": [face(1, 2)],
    "ann3": [face(1, 3)],
    "bob1": [face(2, 1)],
    "bob2": [face(2, 2)],
    "nobody": [],
    "pair": [face(1, 1), face(2, 1)],
    "front": [face(3, 1, side=40), face(2, 3, side=90)],
    "tiny": [face(2, 4, side=12)],
    "blur": [face(2, 5, quality=0.0)],
}


def pictures(folder: Path, **people: Sequence[str]) -> Path:
    for person, names in people.items():
        (folder / person).mkdir(parents=True)
        for name in names:
            (folder / person / f"{name}.jpg").write_text(name)
    return folder


def run(store: GalleryStore, path: Path, *, now_us: int = 7, allow: bool = False) -> EnrolmentReport:
    options, faces = EnrolmentOptions(), FacesByName(FACES)
    judge = PictureJudge(faces.observe, faces.decode, options)
    enroller = Enroller(judge, model_digest=DIGEST, clock_us=lambda: now_us, options=options)
    return enroller.enrol(read_plan(path), store, allow_duplicates=allow)


@pytest.fixture
def store(tmp_path: Path) -> GalleryStore:
    return open_or_create_store(tmp_path / "gallery")


def outcomes(report: EnrolmentReport) -> dict[str, str]:
    return {picture.path.stem: picture.outcome for picture in report.pictures}


def test_every_reason_is_named(tmp_path: Path, store: GalleryStore) -> None:
    names = ["bob1", "nobody", "pair", "front", "tiny", "blur", "broken"]
    report = run(store, pictures(tmp_path / "in", ann=["ann1", "ann2"], bob=names))
    assert outcomes(report) == {
        "ann1": "used",
        "ann2": "used",
        "bob1": "used",
        "nobody": "no_face",
        "pair": "several_faces",
        "front": "used",
        "tiny": "too_small",
        "blur": "blurred",
        "broken": "unreadable",
    }
    assert report.enrolled == 2
    bob = store.read("bob")
    assert bob is not None
    assert bob.pictures == 2
    detail = next(p.detail for p in report.pictures if p.path.stem == "front")
    assert detail == "the largest of 2 faces, 90x90 px at 5,6"


def test_a_picture_of_somebody_else_is_left_out(tmp_path: Path, store: GalleryStore) -> None:
    report = run(store, pictures(tmp_path / "in", ann=["ann1", "ann2", "ann3", "bob1"]))
    assert outcomes(report)["bob1"] == "disagrees"
    assert report.people[0].used == 3


def test_of_two_that_disagree_none_is_taken(tmp_path: Path, store: GalleryStore) -> None:
    report = run(store, pictures(tmp_path / "in", ann=["ann1", "bob1"]))
    assert set(outcomes(report).values()) == {"disagrees"}
    assert report.enrolled == 0
    assert store.contents().people == ()


@pytest.mark.parametrize("allow", [False, True])
def test_one_person_under_two_ids(tmp_path: Path, store: GalleryStore, allow: bool) -> None:
    run(store, pictures(tmp_path / "one", ann=["ann1", "ann2"]))
    report = run(store, pictures(tmp_path / "two", zoe=["ann2", "ann3"]), allow=allow)
    assert report.people[0].enrolled is allow
    if not allow:
        assert set(outcomes(report).values()) == {"duplicate"}
        assert "looks like ann" in report.people[0].detail
    assert len(store.contents().people) == 1 + allow


def test_a_duplicate_within_one_batch(tmp_path: Path, store: GalleryStore) -> None:
    report = run(store, pictures(tmp_path / "in", ann=["ann1"], zoe=["ann2"]))
    assert [person.enrolled for person in report.people] == [True, False]


def test_enrolling_again_replaces(tmp_path: Path, store: GalleryStore) -> None:
    run(store, pictures(tmp_path / "one", ann=["ann1", "ann2"]), now_us=7)
    run(store, pictures(tmp_path / "two", ann=["ann3"]), now_us=9)
    ann = store.read("ann")
    assert ann is not None
    assert (ann.pictures, ann.created_us, ann.updated_us) == (1, 7, 9)


def test_an_unusable_picture_does_not_replace_a_good_one(tmp_path: Path, store: GalleryStore) -> None:
    run(store, pictures(tmp_path / "one", ann=["ann1"]))
    run(store, pictures(tmp_path / "two", ann=["nobody"]))
    ann = store.read("ann")
    assert ann is not None
    assert ann.pictures == 1


def test_the_report_holds_no_template(tmp_path: Path, store: GalleryStore) -> None:
    report = run(store, pictures(tmp_path / "in", ann=["ann1"]))
    text = repr(report) + msgspec.json.encode(report.as_json()).decode() + repr(face(1))
    assert "template" not in text
    assert str(float(template(1, 1)[0]))[:6] not in text


def test_a_table_brings_labels(tmp_path: Path, store: GalleryStore) -> None:
    pictures(tmp_path / "in", ann=["ann1", "ann2"], bob=["bob1"])
    table = tmp_path / "in" / "people.csv"
    table.write_text(
        "\ufeffperson_id,path,tier,since\nann,ann/ann1.jpg,gold,2020\nann,ann/ann2.jpg,silver,\n"
        "bob,bob/bob1.jpg,,\n../evil,bob/bob1.jpg,,\nzoe,zoe/gone.jpg,,\nmax,,,\n",
        encoding="utf-8",
    )
    report = run(store, table)
    ann, bob = store.contents().people
    assert ann.labels == {"tier": "gold", "since": "2020"}
    assert bob.labels == {}
    assert report.left_out[0].startswith("line 5: '../evil' cannot be a person's id")
    assert report.left_out[1] == "line 7: no picture of max is named; fill the column path"
    assert outcomes(report)["gone"] == "unreadable"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: p / "none", "does not exist"),
        (lambda p: (p / "a.txt").write_text("x") and p / "a.txt", "neither a folder nor"),
        (lambda p: (p / "a.csv").write_text("name,file\n1,2\n") and p / "a.csv", "no column path"),
        (lambda p: (p / "b.csv").write_text("person_id,path\n") and p / "b.csv", "names nobody"),
        (lambda p: (p / "c.csv").write_bytes(b"person_id,path\n\xff\xfe,x\n") and p / "c.csv", "UTF-8"),
        (lambda p: (p / "empty").mkdir() or p / "empty", "names nobody"),
    ],
)
def test_wrong_use_is_a_sentence(tmp_path: Path, make, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UsageError, match=words):
        read_plan(make(tmp_path))


def test_a_person_without_pictures_is_told(tmp_path: Path) -> None:
    (tmp_path / "in" / "eve").mkdir(parents=True)
    assert read_plan(tmp_path / "in").left_out == ("eve: the folder holds no picture",)
