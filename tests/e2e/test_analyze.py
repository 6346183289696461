"""`onlooker analyze`: the JSON line of the contract, broken files as lines, pictures with drawings."""

import json
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest

from onlooker.models.cache import ModelCache
from onlooker.wiring import cache_dir
from schemas.events import EXPRESSIONS
from tests.e2e.command import Ended, onlooker

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def samples(model_paths: Mapping[str, Path]) -> ModelCache:
    """The cache, with the sample footage in it."""
    assert model_paths
    return ModelCache(cache_dir())


@pytest.fixture(scope="module")
def still(samples: ModelCache) -> Ended:
    """A picture of one man, analysed."""
    return onlooker("analyze", samples.sample_path("single_face.jpg"))


@pytest.fixture(scope="module")
def clip(samples: ModelCache) -> Ended:
    """Three seconds of one man, analysed."""
    return onlooker("analyze", samples.sample_path("single_face.mp4"))


def test_a_still_is_one_line_as_the_contract_says(samples: ModelCache, still: Ended) -> None:
    path, ended = samples.sample_path("single_face.jpg"), still
    assert ended.code == 0, ended.err
    (line,) = ended.lines()
    assert list(line) == ["source", "frame", "t_us", "width_px", "height_px", "error", "faces"]
    assert line["source"] == str(path)
    assert (line["frame"], line["t_us"], line["error"]) == (None, None, None)
    (face,) = line["faces"]
    assert set(face) == {
        "box_px", "score", "track", "landmarks_px", "pose_deg", "looking",
        "expression", "age_years", "gender", "identity", "quality",
    }  # fmt: skip
    left, top, width, height = face["box_px"]
    assert 0 <= left < left + width <= line["width_px"]
    assert 0 <= top < top + height <= line["height_px"]
    assert np.array(face["landmarks_px"]).shape == (68, 2)
    assert set(face["pose_deg"]) == {"yaw", "pitch", "roll"}
    assert set(face["expression"]["scores"]) == set(EXPRESSIONS)
    assert sum(face["expression"]["scores"].values()) == pytest.approx(1, abs=1e-3)
    assert face["gender"]["label"] == "male"
    assert face["looking"] is True
    assert face["track"] is None
    assert face["identity"] is None, "without a gallery nobody is compared"


def test_landmarks_lie_where_ibug_has_them(still: Ended) -> None:
    """Right eye left of the left eye, nose between, mouth below, chin lowest: as the camera sees it."""
    (line,) = still.lines()
    points = np.array(line["faces"][0]["landmarks_px"])
    right_eye, left_eye = points[36:42].mean(axis=0), points[42:48].mean(axis=0)
    nose, mouth, chin = points[30], points[48:68].mean(axis=0), points[8]
    assert right_eye[0] < nose[0] < left_eye[0]
    assert right_eye[1] < nose[1] < mouth[1] < chin[1]


def test_every_frame_of_a_video_is_a_line_with_tracks(clip: Ended) -> None:
    lines = clip.lines()
    assert [line["frame"] for line in lines] == list(range(72))
    assert [line["t_us"] for line in lines] == sorted(line["t_us"] for line in lines)
    assert lines[0]["t_us"] == 0
    assert {face["track"] for line in lines for face in line["faces"]} == {1}


def test_a_person_leaving_and_an_empty_room_are_seen_as_such(samples: ModelCache) -> None:
    counts = [
        len(line["faces"]) for line in onlooker("analyze", samples.sample_path("face_noface.mov")).lines()
    ]
    assert counts[0] == 1
    assert counts[-1] == 0


def test_five_people_are_five_faces(samples: ModelCache) -> None:
    (line,) = onlooker("analyze", samples.sample_path("multi_face.jpg")).lines()
    assert len(line["faces"]) == 5


def test_broken_files_are_lines_and_the_run_goes_on(samples: ModelCache, tmp_path: Path) -> None:
    (tmp_path / "a_empty.jpg").touch()
    (tmp_path / "b_page.jpg").write_text("<html>404</html>", encoding="utf-8")
    (tmp_path / "c_video.mp4").write_bytes(b"\0" * 100)
    header = bytes.fromhex("89504e470d0a1a0a0000000d49484452") + (60_000).to_bytes(4, "big") * 2
    (tmp_path / "d_huge.png").write_bytes(header + b"\x08\x02\0\0\0\0\0\0\0")
    good = np.full((50, 60, 3), 128, dtype=np.uint8)
    (tmp_path / "e_good.png").write_bytes(cv2.imencode(".png", good)[1].tobytes())
    ended = onlooker("analyze", tmp_path)
    assert ended.code == 0
    lines = ended.lines()
    causes = [line["error"].split(":")[0] if line["error"] else None for line in lines]
    assert causes == ["empty", "not_a_picture", "cannot_open", "too_large", None]
    assert lines[-1]["faces"] == []
    assert (lines[-1]["width_px"], lines[-1]["height_px"]) == (60, 50)
    assert "4 of 5 files" in ended.err


def test_a_path_that_does_not_exist_is_a_usage_error(tmp_path: Path) -> None:
    ended = onlooker("analyze", tmp_path / "nowhere.jpg")
    assert ended.code == 2
    assert "nowhere.jpg" in ended.err
    assert ended.out == ""


def test_an_empty_folder_is_a_usage_error(tmp_path: Path) -> None:
    ended = onlooker("analyze", tmp_path)
    assert ended.code == 2
    assert "neither a picture nor a video" in ended.err


def test_what_was_seen_is_drawn_into_pictures_and_videos(samples: ModelCache, tmp_path: Path) -> None:
    still, clip = samples.sample_path("single_face.jpg"), samples.sample_path("single_face.mp4")
    ended = onlooker("analyze", still, clip, "--draw", tmp_path / "seen")
    assert ended.code == 0, ended.err
    drawn = cv2.imread(str(tmp_path / "seen" / "single_face.jpg"))
    plain = cv2.imread(str(still))
    assert drawn is not None
    assert plain is not None
    assert drawn.shape == plain.shape
    assert np.abs(drawn.astype(int) - plain.astype(int)).max() > 100, "something is drawn in"
    video = cv2.VideoCapture(str(tmp_path / "seen" / "single_face.webm"))
    frames = 0
    while video.read()[0]:
        frames += 1
    assert frames == 72


def test_analyze_recognises_the_enrolled_and_nobody_else(samples: ModelCache, tmp_path: Path) -> None:
    photo = tmp_path / "photos" / "Loyal_Man" / "1.jpg"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(samples.sample_path("single_face.jpg").read_bytes())
    enrolled = onlooker("people", "enrol", tmp_path / "photos", "--gallery", tmp_path / "gallery", "--json")
    assert enrolled.code == 0, enrolled.err
    assert enrolled.json()["enrolled"] == 1
    clip, group = samples.sample_path("single_face.mp4"), samples.sample_path("multi_face.jpg")
    lines = onlooker("analyze", clip, group, "--gallery", tmp_path / "gallery").lines()
    last = lines[-2]["faces"][0]["identity"]
    assert last["person_id"] == "Loyal_Man"
    assert last["similarity"] > 0.3
    strangers = [face["identity"] for face in lines[-1]["faces"]]
    assert strangers == [{"person_id": None, "similarity": None}] * 5


def test_only_json_goes_to_stdout(clip: Ended) -> None:
    assert all(json.loads(line) for line in clip.out.splitlines())
    assert clip.err == ""
