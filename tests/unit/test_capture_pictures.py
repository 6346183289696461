"""Pictures for messages: what is lossless stays so, what is too large becomes smaller, or is refused."""

import cv2
import numpy as np
import pytest

from producers.options import PublishOptions
from producers.publish.pictures import Attempt, attempts, encode_picture
from schemas.errors import BadPictureError
from schemas.ports import Pixels


def noise(height_px: int, width_px: int) -> Pixels:
    return np.random.default_rng(7).integers(0, 256, (height_px, width_px, 3), dtype=np.uint8)


def decoded(data: bytes) -> Pixels:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return picture.astype(np.uint8)


def test_a_recording_loses_nothing() -> None:
    pixels = noise(48, 64)
    encoded = encode_picture(pixels, PublishOptions(), lossless=True)
    assert (encoded.encoding, encoded.width_px, encoded.height_px) == ("png", 64, 48)
    assert np.array_equal(decoded(encoded.picture), pixels)


def test_a_live_camera_becomes_jpeg() -> None:
    encoded = encode_picture(noise(48, 64), PublishOptions(), lossless=False)
    assert encoded.encoding == "jpeg"
    assert encoded.picture[:3] == b"\xff\xd8\xff"


@pytest.mark.parametrize("lossless", [True, False])
def test_the_encoding_can_be_chosen(lossless: bool) -> None:
    for choice in ("png", "jpeg"):
        options = PublishOptions(encoding=choice)
        assert encode_picture(noise(48, 64), options, lossless=lossless).encoding == choice


def test_quality_is_that_of_the_options() -> None:
    sizes = [
        len(encode_picture(noise(96, 96), PublishOptions(jpeg_quality=q), lossless=False).picture)
        for q in (95, 60)
    ]
    assert sizes[0] > 1.5 * sizes[1]


def test_a_png_that_is_too_large_becomes_a_jpeg() -> None:
    limit = 20_000
    assert len(encode_picture(noise(96, 96), PublishOptions(), lossless=True).picture) > limit
    encoded = encode_picture(noise(96, 96), PublishOptions(max_frame_bytes=limit), lossless=True)
    assert (encoded.encoding, encoded.size_px) == ("jpeg", (96, 96))
    assert len(encoded.picture) <= limit


def test_a_jpeg_that_is_too_large_shrinks_in_the_end() -> None:
    encoded = encode_picture(noise(512, 1024), PublishOptions(max_frame_bytes=30_000), lossless=False)
    assert encoded.size_px == decoded(encoded.picture).shape[1::-1]
    assert encoded.size_px in ((256, 128), (512, 256))
    assert len(encoded.picture) <= 30_000


def test_what_cannot_be_made_small_enough_is_refused_with_its_cause() -> None:
    with pytest.raises(BadPictureError, match="512 x 512") as caught:
        encode_picture(noise(512, 512), PublishOptions(max_frame_bytes=1024), lossless=False)
    assert caught.value.cause == "too_large"


def test_a_picture_longer_than_jpeg_can_hold_is_refused_not_fatal() -> None:
    long = np.zeros((4, 70_000, 3), np.uint8)
    with pytest.raises(BadPictureError):
        encode_picture(long, PublishOptions(), lossless=False)
    assert encode_picture(long, PublishOptions(), lossless=True).encoding == "png"


def test_the_ladder_goes_down_only() -> None:
    ladder = list(attempts(PublishOptions(jpeg_quality=60), lossless=True, shorter_px=300))
    assert ladder == [
        Attempt(encoding="png"),
        Attempt(encoding="jpeg", quality=60),
        Attempt(encoding="jpeg", quality=50),
        Attempt(encoding="jpeg", quality=30),
        Attempt(encoding="jpeg", quality=60, shrink=2),
        Attempt(encoding="jpeg", quality=60, shrink=4),
    ]
