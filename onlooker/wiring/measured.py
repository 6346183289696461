"""Builds what is known of the recordings of a run: which stands have some, and what tells them apart."""

import hashlib
import os
from collections.abc import Mapping

import msgspec

from onlooker.reporting.rate import rate_words
from onlooker.run.measured import Measured, MeasuredRecordings
from onlooker.settings.configuration import Settings, StandSettings
from onlooker.wiring.lines import CameraSource, camera_sources
from onlooker.wiring.perception import measure_options
from producers.cameras.camera import claimed_us
from producers.publish.journal import content_digest

EMBEDDED = "embedded"


def measured_recordings(settings: Settings) -> MeasuredRecordings:
    """What was measured before into the database of the settings."""
    address = settings.clickhouse.address()
    place = EMBEDDED if address is None else f"{address}/{address.database}"
    return MeasuredRecordings(settings.data_dir, place)


def rate_warnings(settings: Settings, rates: Mapping[str, float] | None = None) -> dict[str, str]:
    """What frame rates did to the figures of stands, in sentences by stand.

    Args:
        settings: with the thresholds.
        rates: frames/s by stand; None: the lowest of all runs from here into the database of the settings.
    """
    options = measure_options(settings)
    slowest = measured_recordings(settings).slowest if rates is None else rates
    words = {stand_id: rate_words(stand_id, fps, options) for stand_id, fps in slowest.items()}
    return {stand_id: sentence for stand_id, sentence in words.items() if sentence is not None}


def recordings_of(settings: Settings) -> dict[str, Measured]:
    """The recordings of each stand that has nothing else.

    Raises:
        UsageError: a source does not exist.
    """
    found = {stand.stand_id: _of_stand(settings, stand) for stand in settings.stands}
    return {stand_id: measured for stand_id, measured in found.items() if measured is not None}


def seen_until(wanted: Mapping[str, Measured], last_us: Mapping[str, int]) -> dict[str, Measured]:
    """The same once they are read, up to the last frame of each stand, us UTC."""
    replace = msgspec.structs.replace
    return {
        stand_id: replace(measured, until_us=max(measured.until_us, last_us[stand_id]))
        for stand_id, measured in wanted.items()
        if stand_id in last_us
    }


def _of_stand(settings: Settings, stand: StandSettings) -> Measured | None:
    sources = camera_sources(settings, stand)
    if not all(source.spec.is_recording for source in sources):
        return None
    digest = hashlib.sha256()
    for source in sources:
        try:
            content = content_digest(source.spec, source.options)
        except OSError:
            return None  # the camera will say that it cannot be read
        digest.update(f"{source.camera_id}\0{content}\0".encode())
    return Measured(
        digest=digest.hexdigest(),
        sources=tuple(_named(source.spec.shown) for source in sources),
        from_us=min(source.options.start_us for source in sources),
        until_us=max(map(_until_us, sources)),
    )


def _named(shown: str) -> str:
    """A name as text that can be kept, also where it is not UTF-8."""
    return os.fsencode(shown).decode("utf-8", "backslashreplace")


def _until_us(source: CameraSource) -> int:
    return source.options.start_us + (claimed_us(source.spec, source.options) or 0)
