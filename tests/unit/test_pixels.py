"""Pictures in and out: hostile headers, orientation, broken data, warps and planes."""

import os
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.vision.headers import picture_size
from processors.vision.hush import hushed
from processors.vision.pixels import (
    decode_picture,
    detail,
    encode_jpeg,
    planes,
    strongest,
    unit_rgb,
    warp,
)
from schemas.errors import BadPictureError
from schemas.ports import Floats, Pixels

MAX_PIXELS = 1_000_000


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, rows: bytes, *, colour: int) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def gradient(height: int = 48, width: int = 64) -> Pixels:
    ramp = np.linspace(0, 255, width).astype(np.uint8)
    return np.repeat(np.tile(ramp, (height, 1))[:, :, None], 3, axis=2)


def with_orientation(jpeg: bytes, orientation: int) -> bytes:
    tiff = b"II*\x00" + struct.pack("<IHHHIHHI", 8, 1, 0x112, 3, 1, orientation, 0, 0)
    body = b"Exif\x00\x00" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def cause_of(refused: Callable[[], object]) -> str | None:
    """Why something was refused, None when it was not."""
    try:
        refused()
    except BadPictureError as error:
        return error.cause
    return None


HEADERS = {
    "png": png(300, 200, b"", colour=2),
    "jpeg": b"\xff\xd8\xff\xe0\x00\x04ab\xff\xff\xc2\x00\x11\x08" + struct.pack(">HH", 200, 300) + b"\x03",
    "gif": b"GIF89a" + struct.pack("<HH", 300, 200),
    "bmp": b"BM" + bytes(12) + struct.pack("<Iii", 40, 300, -200),
    "old bmp": b"BM" + bytes(12) + struct.pack("<IHH", 12, 300, 200),
    "webp lossy": b"RIFF\x00\x00\x00\x00WEBPVP8 " + bytes(10) + struct.pack("<HH", 300, 200 | 0x4000),
    "webp lossless": b"RIFF\x00\x00\x00\x00WEBPVP8L" + bytes(5) + struct.pack("<I", 299 | 199 << 14),
    "webp extended": b"RIFF\x00\x00\x00\x00WEBPVP8X" + bytes(8) + b"\x2b\x01\x00\xc7\x00\x00",
    "tiff": b"II*\x00" + struct.pack("<IHHHIIHHIHH", 8, 2, 256, 4, 1, 300, 257, 3, 1, 200, 0),
    "big-endian tiff": b"MM\x00*" + struct.pack(">IHHHIHHHHIHH", 8, 2, 256, 3, 1, 300, 0, 257, 3, 1, 200, 0),
}


@pytest.mark.parametrize("name", HEADERS)
def test_every_format_tells_its_size(name: str) -> None:
    assert picture_size(HEADERS[name]) == (300, 200)


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_cut_short_is_damage_or_no_picture(name: str) -> None:
    sizes = []

    def read(length: int) -> None:
        sizes.append(picture_size(HEADERS[name][:length]))

    causes = {cause_of(lambda length=length: read(length)) for length in range(1, 20)}  # type: ignore[misc]
    assert causes <= {None, "damaged", "not_a_picture"}
    assert {"damaged", "not_a_picture"} & causes
    assert set(sizes) <= {(300, 200)}


@given(st.binary(max_size=300), st.sampled_from(sorted(HEADERS)), st.integers(2, 16))
def test_no_header_breaks_the_reader(noise: bytes, name: str, kept: int) -> None:
    cause = cause_of(lambda: picture_size(HEADERS[name][:kept] + noise))
    assert cause in {None, "empty", "damaged", "not_a_picture"}


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 4000), st.binary(min_size=1, max_size=40))
def test_damaged_bytes_give_a_picture_or_the_error(place: int, noise: bytes) -> None:
    data = bytearray(encode_jpeg(gradient(), 90))
    place %= len(data)
    data[place : place + len(noise)] = noise
    cause = cause_of(lambda: decode_picture(bytes(data), max_pixels=MAX_PIXELS))
    assert cause in {None, "damaged", "not_a_picture", "too_large"}


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"", "empty"),
        (b"<!doctype html><p>404", "not_a_picture"),
        (b"\x00\x00\x00 ftypisom", "not_a_picture"),
        (png(60_000, 60_000, b"", colour=2), "too_large"),
        (b"BM" + bytes(12) + struct.pack("<Iii", 40, 2**31 - 1, -(2**31)), "too_large"),
        (png(0, 10, b"", colour=2), "damaged"),
        (png(30, 20, b"\x00" * 100, colour=2), "damaged"),
        (b"\xff\xd8\xff\xda\x00\x02", "damaged"),
    ],
)
def test_bad_pictures_are_refused_by_cause(data: bytes, cause: str) -> None:
    with pytest.raises(BadPictureError) as caught:
        decode_picture(data, max_pixels=MAX_PIXELS)
    assert caught.value.cause == cause


def test_a_picture_as_large_as_allowed_is_read() -> None:
    data = encode_jpeg(gradient(48, 64), 90)
    assert decode_picture(data, max_pixels=48 * 64).shape == (48, 64, 3)
    with pytest.raises(BadPictureError):
        decode_picture(data, max_pixels=48 * 64 - 1)


def test_jpeg_goes_out_and_comes_back() -> None:
    again = decode_picture(encode_jpeg(gradient(), 95), max_pixels=MAX_PIXELS)
    assert np.abs(again.astype(int) - gradient()).mean() < 2
    assert len(encode_jpeg(gradient(), 20)) < len(encode_jpeg(gradient(), 95))


def test_exif_orientation_turns_the_picture_upright() -> None:
    data = with_orientation(encode_jpeg(gradient(48, 64), 95), 6)
    upright = decode_picture(data, max_pixels=MAX_PIXELS)
    assert upright.shape == (64, 48, 3)
    assert upright[0].mean() < 10
    assert upright[-1].mean() > 245


@pytest.mark.parametrize("colour", [0, 2, 4, 6])
def test_grey_and_transparent_png_become_three_colours(colour: int) -> None:
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    rows = (b"\x00" + b"\x64" * 5 * channels) * 4
    picture = decode_picture(png(5, 4, rows, colour=colour), max_pixels=MAX_PIXELS)
    np.testing.assert_array_equal(picture, np.full((4, 5, 3), 100, dtype=np.uint8))


def test_libraries_do_not_complain_on_the_error_output(capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(encode_jpeg(np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8), 90))
    data[-200:-2] = b"\xff\xd3" * 99
    decode_picture(bytes(data), max_pixels=MAX_PIXELS)
    assert capfd.readouterr().err == ""


def test_what_others_print_meanwhile_still_comes_out(capfd: pytest.CaptureFixture[str]) -> None:
    with hushed():
        os.write(2, b"libpng error: IDAT: CRC error\na camera was lost\nCorrupt JPEG data: x\n")
    assert capfd.readouterr().err == "a camera was lost\n"


def scaled(step: float, left: float, top: float) -> Floats:
    return np.array([[step, 0, left], [0, step, top]], dtype=np.float32)


def test_a_warp_cuts_out_pixels() -> None:
    picture = np.random.default_rng(2).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    np.testing.assert_array_equal(warp(picture, scaled(1, 7, 5), 20, 10), picture[5:15, 7:27])
    np.testing.assert_array_equal(warp(picture[:, :, 0], scaled(1, 7, 5), 20, 10), picture[5:15, 7:27, 0])


@pytest.mark.parametrize("place", [(-500.0, 0.0), (0.0, 9000.0), (60.0, 60.0)])
def test_a_warp_outside_the_picture_is_black(place: tuple[float, float]) -> None:
    crop = warp(np.full((40, 50, 3), 200, dtype=np.uint8), scaled(1, *place), 8, 6)
    np.testing.assert_array_equal(crop, np.zeros((6, 8, 3), dtype=np.uint8))


@given(st.floats(-3.2, 3.2), st.floats(0.1, 3), st.floats(-40, 90), st.floats(-40, 90))
def test_a_turned_warp_sees_what_lies_there(angle: float, step: float, x: float, y: float) -> None:
    """On a ramp of shades a pixel of the crop shows the shade at the place it maps to."""
    ramp = gradient(100, 100)
    c, s = np.cos(angle) * step, np.sin(angle) * step
    affine = np.array([[c, -s, x], [s, c, y]], dtype=np.float32)
    crop = warp(ramp, affine, 24, 24)
    where = affine @ np.array([11, 12, 1])
    if (where > 1).all() and (where < 98).all():
        assert crop[12, 11, 0] == pytest.approx(where[0] * 255 / 99, abs=3)


def test_planes_are_padded_and_separate() -> None:
    picture = np.random.default_rng(3).integers(0, 256, (30, 33, 3), dtype=np.uint8)
    blob = planes(picture, multiple_px=32)
    assert blob.shape == (1, 3, 32, 64)
    assert blob.dtype == np.float32
    np.testing.assert_array_equal(blob[0, :, :30, :33], picture.transpose(2, 0, 1))
    assert blob[0, :, 30:].max() == blob[0, :, :, 33:].max() == 0


def test_unit_rgb_turns_colours_round() -> None:
    rgb = unit_rgb(np.full((4, 4, 3), (0, 51, 255), dtype=np.uint8))
    assert rgb.dtype == np.float32
    np.testing.assert_allclose(rgb, np.full((1, 4, 4, 3), (1, 0.2, 0)), atol=1e-6)


def test_the_strongest_of_overlapping_boxes_stay() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 10, 10], [30, 0, 10, 10]], dtype=np.float32)
    assert strongest(boxes, np.array([0.6, 0.9, 0.7], dtype=np.float32), 0.3) == [1, 2]
    assert strongest(boxes[:0], np.zeros(0, dtype=np.float32), 0.3) == []


def test_detail_grows_with_finer_features() -> None:
    fine = np.random.default_rng(4).integers(0, 256, (48, 48), dtype=np.uint8)
    coarse = np.kron(fine[:6, :6], np.ones((8, 8), dtype=np.uint8)).astype(np.uint8)
    assert detail(fine) > 2 * detail(coarse) > 0
    assert detail(np.full((48, 48), 7, dtype=np.uint8)) == 0.0
