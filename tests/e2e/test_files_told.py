"""What the operating system says of a file reaches a person: which file, the cause, the mend, the code."""

import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import msgspec
import pytest

from onlooker.models.cache import ModelCache
from onlooker.wiring import cache_dir
from schemas.names import quoted, sendable
from tests.conftest import skip_or_fail
from tests.e2e.command import COMMAND

pytestmark = pytest.mark.models
_POWERS = "-dac_override,-dac_read_search"
"""What lets root read and write everything."""


def ended(
    *arguments: str | Path, before: Callable[[], None] | None = None, bare: bool = False
) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command; `bare`: without the powers of root over files."""
    powers: list[str] = []
    if bare and os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            skip_or_fail("setpriv", "root may read everything, and there is no setpriv to give that up")
        powers = ["setpriv", f"--bounding-set={_POWERS}", f"--inh-caps={_POWERS}"]
    done = subprocess.run(
        [*powers, *COMMAND, *map(str, arguments)],
        capture_output=True,
        check=False,
        preexec_fn=before,
        timeout=120,
    )
    said = done.stdout.decode(), done.stderr.decode()
    assert "Traceback" not in said[1], said[1]
    return done.returncode, *said


def small_files() -> None:
    """No file may grow beyond 16 kB: what a full disk does, without a disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (16_384, 16_384))


@pytest.fixture(scope="module")
def clip(model_paths: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of a face, small."""
    path = tmp_path_factory.mktemp("clip") / "walk.mp4"
    video = cv2.VideoCapture(str(ModelCache(cache_dir()).sample_path("single_face.mp4")))
    writer = None
    for _ in range(10):
        _, frame = video.read()
        frame = cv2.resize(frame, None, fx=0.25, fy=0.25)
        size = (frame.shape[1], frame.shape[0])
        writer = writer or cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, size)
        writer.write(frame)
    assert writer is not None
    writer.release()
    return path


@pytest.fixture(scope="module")
def face(clip: Path) -> Path:
    """A picture."""
    path = clip.with_name("face.jpg")
    _, frame = cv2.VideoCapture(str(clip)).read()
    cv2.imwrite(str(path), frame)
    return path


def test_a_video_that_a_full_disk_cuts_is_said_and_not_left(clip: Path, tmp_path: Path) -> None:
    code, out, err = ended("analyze", clip, "--draw", tmp_path, before=small_files)
    assert code == 4
    assert len(out.splitlines()) == 10, "what was seen is said all the same"
    assert "walk.webm" in err
    assert "larger than this system allows" in err
    assert list(tmp_path.iterdir()) == []
    assert ended("analyze", clip, "--draw", tmp_path)[0] == 0
    assert cv2.VideoCapture(str(tmp_path / "walk.webm")).get(cv2.CAP_PROP_FRAME_COUNT) == 10


def test_a_picture_that_a_full_disk_cuts_is_said_and_not_left(face: Path, tmp_path: Path) -> None:
    code, _, err = ended("analyze", face, "--draw", tmp_path, before=small_files)
    assert (code, "face.jpg" in err, list(tmp_path.iterdir())) == (4, True, [])


def test_a_recording_on_a_full_disk_names_its_file(clip: Path, tmp_path: Path) -> None:
    options = ("--no-clickhouse", "--frames-for", "1h", "--reason", "a test")
    code, _, err = ended("run", "--source", clip, "--record", tmp_path / "tape", *options, before=small_files)
    assert code == 4
    assert str(tmp_path / "tape") in err
    assert "larger than this system allows" in err


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("verb", ["analyze", "run", "enrol", "config"])
def test_what_may_not_be_read_is_not_said_to_be_damaged(
    clip: Path, tmp_path: Path, verb: str, kind: str
) -> None:
    people = tmp_path / "people"
    (people / "Jane").mkdir(parents=True)
    shutil.copy(clip, tmp_path / "a.mp4")
    shutil.copy(clip, people / "Jane" / "a.jpg")
    closed = {"file": tmp_path / "a.mp4", "folder": tmp_path / "b"}[kind]
    if kind == "folder":
        closed.mkdir()
        shutil.copy(clip, closed / "a.mp4")
    config = tmp_path / "shop.yaml"
    config.write_text(f"stands: [{{stand_id: a, cameras: [{{source: {closed}}}]}}]\n")
    if verb == "enrol":
        closed = people / "Jane"
    closed.chmod(0)
    arguments: dict[str, tuple[str | Path, ...]] = {
        "analyze": ("analyze", tmp_path if kind == "folder" else closed),
        "run": ("run", "--no-clickhouse", "--source", closed),
        "enrol": ("people", "enrol", people, "--gallery", tmp_path / "gallery"),
        "config": ("config", "check", config),
    }
    try:
        code, out, err = ended(*arguments[verb], bare=True)
    finally:
        closed.chmod(0o700)
    assert closed.name in out + err
    assert "Permission denied: give this user the right" in out + err
    assert "damaged" not in out + err
    assert code == (0 if (verb, kind) == ("analyze", "file") else 2)
    if verb == "config":
        assert f"{config}: stands[0].cameras[0].source (line 1)" in err


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda path: path.symlink_to("nowhere"), "it is a link to nowhere, which is not there"),
        (lambda path: path.symlink_to(path.name), "links lead in a circle"),
        (lambda path: None, "name is too long"),
    ],
)
@pytest.mark.parametrize(
    "command", ["analyze {}", "run --no-clickhouse --source {}", "run --config {}", "people enrol {}"]
)
def test_links_and_names_that_lead_nowhere_have_their_own_words(
    tmp_path: Path, made: Callable[[Path], None], words: str, command: str
) -> None:
    path = tmp_path / ("x" * 300 if "long" in words else "a.mp4")
    made(path)
    code, out, err = ended(*(str(path) if word == "{}" else word for word in command.split()))
    assert (code, out) == (2, "")
    assert words in err
    assert str(path) in err


@pytest.mark.parametrize(
    "command",
    [
        "run --source {clip} --data-dir {there}",
        "run --source {clip} --no-clickhouse --record {there}/tape",
        "analyze {clip} --draw {there}/drawn",
        "capture --source {clip} --data-dir {there}",
        "people enrol {people} --gallery {there}/gallery",
        "report --data-dir {there} --html {there}/page/report.html",
        "models prepare",
    ],
)
@pytest.mark.parametrize("kind", ["closed", "file"])
def test_a_place_that_cannot_be_written_is_named_with_its_cause(
    clip: Path, face: Path, tmp_path: Path, command: str, kind: str
) -> None:
    there, people = tmp_path / "there", tmp_path / "people"
    (people / "Jane").mkdir(parents=True)
    shutil.copy(face, people / "Jane" / "1.jpg")
    if kind == "file":
        there.write_text("a file")
    else:
        there.mkdir(0o500)
    names = {"{clip}": clip, "{people}": people, "{there}": there}
    words = [str(names.get(word, "")) or word.replace("{there}", str(there)) for word in command.split()]
    if command == "models prepare":
        os.environ["ONLOOKER_CACHE"] = str(there / "cache")
    try:
        code, _, err = ended(*words, bare=True)
    finally:
        os.environ.pop("ONLOOKER_CACHE", None)
        there.chmod(0o700)
    assert code == 2, err
    assert str(there) in err
    expected = (
        ("Permission denied",) if kind == "closed" else ("file and no folder", "is a file", "there already")
    )
    assert any(each in err for each in (*expected, "there is no data", "not a folder")), err


ODD = [
    "10:15:00.mp4", "a:b.mp4", "-x.mp4", "[final] a.mp4", "a\nb\tc.mp4", "a\x1b[31m.mp4", "caf\udce9.mp4",
    "0", "x" * 251 + ".mp4",
]  # fmt: skip


def test_every_name_is_read_drawn_and_told_so_that_programs_can_read_it(clip: Path, tmp_path: Path) -> None:
    for name in ODD:
        shutil.copy(clip, tmp_path / name)
    drawn = tmp_path / "dr\udce9 [b]:1"
    code, out, err = ended("analyze", *(tmp_path / name for name in ODD), "--draw", drawn)
    assert (code, err) == (0, "")
    lines = [msgspec.json.decode(line) for line in out.splitlines()]
    assert [line["source"] for line in lines[::10]] == [sendable(str(tmp_path / name)) for name in ODD]
    assert not any(line["error"] for line in lines)
    videos = sorted(drawn.iterdir())
    assert len(videos) == len(ODD)
    assert all(path.stat().st_size > 10_000 for path in videos)


def test_every_name_is_a_source_from_where_it_lies_and_none_ends_the_process(
    clip: Path, tmp_path: Path
) -> None:
    for name in ODD:
        shutil.copy(clip, tmp_path / name)
    sources = [word for name in ODD for word in ("--source", name)]
    done = subprocess.run(
        [*COMMAND, "run", "--no-clickhouse", "--json", *sources],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = msgspec.json.decode(done.stdout)
    assert found["frames"]["observed"] == 10 * len(ODD)
    assert {each["source"] for each in found["cameras"]} == {sendable(str(tmp_path / name)) for name in ODD}


def test_people_with_odd_names_are_enrolled_or_told(face: Path, tmp_path: Path) -> None:
    people = tmp_path / "caf\udce9 [b]"
    for name in ("[bold]Jane", "J\udce9rome", "a\x1b[31mb"):
        (people / name).mkdir(parents=True)
        shutil.copy(face, people / name / "[1].jpg")
    for form in ((), ("--json",)):
        code, out, err = ended("people", "enrol", people, "--gallery", tmp_path / "g\udce9", *form)
        assert "\x1b" not in out + err
        assert "[bold]Jane" in out
        assert code in (0, 1)


@pytest.mark.clickhouse
def test_the_told_commands_can_be_pasted(clip: Path, tmp_path: Path) -> None:
    there = tmp_path / f"dir [final] {'with a long name ' * 8}'$x"
    code, out, err = ended("run", "--source", clip, "--data-dir", there)
    assert (code, err) == (0, "")
    told = [line.strip() for line in out.splitlines() if line.startswith("  onlooker ")]
    assert len(told) == 2
    for line in told:
        assert line.endswith(quoted(there))
        command = line.replace("onlooker", " ".join(COMMAND), 1)
        assert subprocess.run(["/bin/bash", "-c", command], capture_output=True, check=False).returncode == 0


@pytest.mark.clickhouse
def test_a_data_directory_that_clickhouse_does_not_take_is_refused_in_a_sentence(
    clip: Path, tmp_path: Path
) -> None:
    there = tmp_path / "d\udce9"
    code, _, err = ended("run", "--source", clip, "--data-dir", there)
    assert code == 2
    assert f"ClickHouse does not take {quoted(there)}" in err
    assert "name one in UTF-8" in err


def test_a_full_disk_behind_the_lines_of_analyze_is_said(clip: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, "analyze", str(clip)], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 4
    assert b"the disk is full" in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr
