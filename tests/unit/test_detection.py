"""The detector on a network that answers what the test tells it."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from processors.observe.perception.detection import STRIDES, Detection, DetectionOptions, FaceDetector
from schemas.ports import Floats, Pixels

KINDS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}


class Cell:
    """One cell that fires: its stride, column, row, score and the box's size."""

    def __init__(self, stride: int, column: int, row: int, score: float, side_px: float = 64.0) -> None:
        self.stride, self.column, self.row, self.score, self.side_px = stride, column, row, score, side_px


class GridNet:
    """Answers with the cells given for pictures that are at most `max_width` wide, else with nothing."""

    def __init__(self, *cells: Cell, max_width: int = 10_000) -> None:
        self.cells = cells
        self.max_width = max_width
        self.shapes: list[tuple[int, ...]] = []

    @property
    def output_names(self) -> Sequence[str]:
        return [f"{kind}_{stride}" for kind in KINDS for stride in STRIDES]

    def run(self, inputs: Mapping[str, Floats]) -> Sequence[Floats]:
        height, width = inputs["input"].shape[2:]
        self.shapes.append(inputs["input"].shape)
        outputs = {
            f"{kind}_{stride}": np.zeros((1, height // stride * (width // stride), size), dtype=np.float32)
            for kind, size in KINDS.items()
            for stride in STRIDES
        }
        for cell in self.cells if width <= self.max_width else ():
            index = cell.row * (width // cell.stride) + cell.column
            outputs[f"cls_{cell.stride}"][0, index] = cell.score
            outputs[f"obj_{cell.stride}"][0, index] = cell.score
            size = np.log(cell.side_px / cell.stride)
            outputs[f"bbox_{cell.stride}"][0, index] = (0.5, 0.5, size, size)
            outputs[f"kps_{cell.stride}"][0, index] = np.arange(10)
        return [outputs[name] for name in self.output_names]


def blank(height: int, width: int) -> Pixels:
    return np.zeros((height, width, 3), dtype=np.uint8)


def detect(net: GridNet, picture: Pixels, options: DetectionOptions | None = None) -> tuple[Detection, ...]:
    return FaceDetector(net, options or DetectionOptions()).detect(picture)


def test_a_cell_becomes_a_box_and_points() -> None:
    (face,) = detect(GridNet(Cell(16, column=5, row=3, score=0.9)), blank(256, 320))
    assert face.box_px == pytest.approx((5.5 * 16 - 32, 3.5 * 16 - 32, 64, 64), abs=1e-3)
    assert face.score == pytest.approx(0.9)
    expected = (np.arange(10).reshape(5, 2) + np.array([5, 3])) * 16
    np.testing.assert_allclose(face.points_px, expected)


def test_pictures_are_padded_to_whole_cells() -> None:
    net = GridNet(Cell(8, column=4, row=4, score=0.9))
    detect(net, blank(270, 480))
    assert net.shapes == [(1, 3, 288, 480)]


def test_large_pictures_are_shrunk_and_the_answer_is_scaled_back() -> None:
    net = GridNet(Cell(32, column=4, row=4, score=0.9))
    (face,) = detect(net, blank(960, 1280), DetectionOptions(max_side_px=640))
    assert net.shapes == [(1, 3, 480, 640)]
    assert face.box_px == pytest.approx((2 * (144 - 32), 2 * (144 - 32), 128, 128), abs=1e-2)


def test_a_still_is_also_looked_at_from_further_away_for_faces_that_fill_it() -> None:
    net = GridNet(Cell(32, column=2, row=2, score=0.9))
    options = DetectionOptions(max_side_px=640)
    faces = FaceDetector(net, options).detect_thoroughly(blank(480, 640))
    assert net.shapes == [(1, 3, 480, 640), (1, 3, 256, 320)]
    assert len(faces) == 1, "128 px is not large in a picture of 480"
    assert len(FaceDetector(net, options).detect_thoroughly(blank(240, 320))) == 2


def test_weak_small_and_doubled_candidates_are_dropped_and_the_best_comes_first() -> None:
    net = GridNet(
        Cell(8, column=10, row=10, score=0.7),
        Cell(8, column=11, row=10, score=0.65),
        Cell(8, column=35, row=25, score=0.95),
        Cell(8, column=25, row=5, score=0.5),
        Cell(8, column=5, row=25, score=0.9, side_px=9),
    )
    faces = detect(net, blank(256, 320))
    assert [round(face.score, 2) for face in faces] == [0.95, 0.7]


def test_a_face_that_fills_the_picture_is_found_from_further_away() -> None:
    net = GridNet(Cell(32, column=4, row=4, score=0.9, side_px=200), max_width=320)
    (face,) = detect(net, blank(600, 640))
    assert [shape[3] for shape in net.shapes] == [640, 320]
    assert face.box_px[2] == pytest.approx(400, rel=1e-3)


def test_from_further_away_small_things_are_no_faces() -> None:
    net = GridNet(Cell(32, column=4, row=4, score=0.9, side_px=40), max_width=320)
    assert detect(net, blank(600, 640)) == ()


@pytest.mark.parametrize("shape", [(1, 1), (1, 2000), (33, 1)])
def test_odd_pictures_have_no_faces(shape: tuple[int, int]) -> None:
    assert detect(GridNet(), blank(*shape)) == ()
