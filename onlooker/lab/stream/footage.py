"""Real footage for the stream benchmarks: the prepared sample clips as JPEG frames, ten a second."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from onlooker.lab.stream.input import FRAMES_PER_S
from onlooker.models.cache import ModelCache
from onlooker.settings.configuration import Settings
from onlooker.wiring import cache_dir
from onlooker.wiring.perception import open_source
from producers.cameras.readings import EndOfSource, Reading
from producers.cameras.sources import parse_source
from producers.publish.pictures import Encoded, encode_picture
from schemas.errors import DependencyAwayError
from schemas.units import US_PER_S

CLIPS = ("WolfgangLanger_Pexels.mp4", "single_face.mp4", "face_noface.mov")
"""A woman who looks around, a man, somebody who comes and goes: 640 and 960 pixels wide."""
PERIOD_US = US_PER_S // FRAMES_PER_S


def footage(settings: Settings) -> list[Encoded]:
    """All clips one after the other.

    Args:
        settings: how live cameras encode (JPEG of `publish.jpeg_quality`).

    Returns:
        Pictures a tenth of a second apart.

    Raises:
        DependencyAwayError: The samples are not prepared.
    """
    cache = ModelCache(cache_dir())
    options = msgspec.structs.replace(settings.publish, encoding="jpeg")
    found: list[Encoded] = []
    for clip in CLIPS:
        path = cache.sample_path(clip)
        if not path.exists():
            raise DependencyAwayError(
                f"The sample {clip} is missing: run `onlooker models prepare --samples`."
            )
        found += [encode_picture(each.picture, options, lossless=False) for each in _readings(settings, path)]
    return found


def _readings(settings: Settings, path: Path) -> list[Reading]:
    camera, next_us = open_source(parse_source(str(path)), settings.capture), 0
    found: list[Reading] = []
    try:
        while not isinstance(reading := camera.read(), EndOfSource):
            if isinstance(reading, Reading) and (reading.position_us or 0) >= next_us:
                found.append(reading)
                next_us += PERIOD_US
    finally:
        camera.close()
    return found


def as_folder(pictures: Sequence[Encoded], folder: Path) -> Path:
    """The pictures as files, for a camera that is a folder.

    Args:
        pictures: JPEG.
        folder: made here.

    Returns:
        The folder.
    """
    folder.mkdir()
    for number, each in enumerate(pictures):
        (folder / f"{number:05d}.jpg").write_bytes(each.picture)
    return folder
