"""The people verbs: words for a person, JSON for a program, the right trouble."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from onlooker.cli.people import people
from onlooker.people.enrolment import Enroller
from onlooker.people.pictures import EnrolmentOptions, PictureJudge
from onlooker.settings.configuration import Settings
from processors.observe.stills import StillFace
from schemas.errors import BadPictureError, CheckFailedError, UsageError
from schemas.ports import Pixels

GALLERY = "gallery"


class OneFaceEach:
    """Every picture shows one face, made from its bytes; empty ones are damaged."""

    def decode(self, data: bytes) -> Pixels:
        if not data:
            raise BadPictureError("empty", "the file is empty")
        return np.full((1, 1, 3), data[0], dtype=np.uint8)

    def observe(self, picture: Pixels) -> list[StillFace]:
        template = np.random.default_rng(int(picture[0, 0, 0])).normal(size=128)
        template /= np.linalg.norm(template)
        return [StillFace(box_px=(0, 0, 99, 99), quality=0.9, template=template.astype(np.float32))]


def fake_enroller(settings: Settings) -> Enroller:
    faces, options = OneFaceEach(), EnrolmentOptions()
    judge = PictureJudge(faces.observe, faces.decode, options)
    return Enroller(judge, model_digest="d" * 64, clock_us=lambda: 1_700_000_000_000_000, options=options)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.setattr("onlooker.wiring.people.build_enroller", fake_enroller)
    monkeypatch.chdir(tmp_path)
    for person, content in {"ann": b"a", "[b]ob[/b]": b"b", "eve": b""}.items():
        folder = tmp_path / "photos" / person.replace("/", "_")
        folder.mkdir(parents=True)
        (folder / "1.jpg").write_bytes(content)
    return lambda *words: CliRunner().invoke(people, [*words, "--gallery", GALLERY])


def document(result: Result) -> dict[str, object]:
    assert result.exception is None, result.output
    found = json.loads(result.stdout)
    assert isinstance(found, dict)
    return found


def test_enrol_list_forget(run) -> None:  # type: ignore[no-untyped-def]
    told = run("enrol", "photos")
    assert told.exit_code == 0
    assert "2 of 3 people enrolled in gallery" in told.stdout
    assert "unreadable: the file is empty" in told.stdout
    assert "[b]ob[_b]" in run("list").stdout
    listed = document(run("list", "--json"))["people"]
    assert isinstance(listed, list)
    assert [(p["person_id"], p["pictures"], p["created"][:10]) for p in listed] == [
        ("[b]ob[_b]", 1, "2023-11-14"),
        ("ann", 1, "2023-11-14"),
    ]
    assert "ann is forgotten" in run("forget", "ann").stdout
    assert "ann" not in run("list").stdout


def test_enrol_says_everything_in_json(run) -> None:  # type: ignore[no-untyped-def]
    found = document(run("enrol", "photos", "--json"))
    assert found["enrolled"] == 2
    assert set(found) == {"enrolled", "people", "pictures", "left_out", "damaged"}


def test_forgetting_nobody_fails_with_a_sentence(run) -> None:  # type: ignore[no-untyped-def]
    run("enrol", "photos")
    result = run("forget", "zoe", "--json")
    assert isinstance(result.exception, CheckFailedError)
    assert "Nobody called 'zoe'" in str(result.exception)
    assert json.loads(result.stdout) == {"person_id": "zoe", "forgotten": False}


@pytest.mark.parametrize("words", [["list"], ["forget", "ann"], ["enrol", "photos"]])
def test_another_sites_key_is_told_by_every_verb(run, tmp_path: Path, words: list[str]) -> None:  # type: ignore[no-untyped-def]
    run("enrol", "photos")
    (tmp_path / GALLERY / "site.key").write_bytes(b"k" * 32)
    before = sorted(tmp_path.rglob("*"))
    result = run(*words)
    assert isinstance(result.exception, UsageError)
    assert "Put the right key file back" in str(result.exception)
    assert sorted(tmp_path.rglob("*")) == before


def test_enrolling_nobody_fails(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "none" / "eve").mkdir(parents=True)
    (tmp_path / "none" / "eve" / "1.jpg").write_bytes(b"")
    assert isinstance(run("enrol", "none").exception, CheckFailedError)


@pytest.mark.parametrize("words", [["enrol", "missing"], ["list"], ["forget", "ann"], ["forget", "../x"]])
def test_wrong_use(run, words: list[str]) -> None:  # type: ignore[no-untyped-def]
    assert isinstance(run(*words).exception, UsageError)
