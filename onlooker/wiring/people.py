"""Builds what enrolment needs: models, decoding, the gallery on disk."""

import time
from pathlib import Path

import msgspec

from onlooker.models.cache import digest_of
from onlooker.people.enrolment import Enroller, EnrolmentReport
from onlooker.people.pictures import EnrolmentOptions, PictureJudge
from onlooker.people.plan import read_plan
from onlooker.people.still_faces import StillFaceReader
from onlooker.people.store import open_or_create_store
from onlooker.settings.configuration import PeopleSettings, Settings
from onlooker.wiring.perception import build_parts, decoder
from processors.observe.stills import StillReader


def build_enroller(settings: Settings) -> Enroller:
    """What enrols people.

    Args:
        settings: models and thresholds.

    Returns:
        An enroller that sees as `analyze` does.
    """
    # A gallery that does not exist yet, or was made with another model, must not stand in the way.
    parts = build_parts(msgspec.structs.replace(settings, people=PeopleSettings()))
    options = EnrolmentOptions()
    reader = StillFaceReader(StillReader(parts.faculties, None, settings.measure))
    return Enroller(
        PictureJudge(
            reader, decoder(settings.capture), options, max_bytes=settings.capture.max_picture_bytes
        ),
        model_digest=digest_of(parts.nets["template"].path),
        clock_us=lambda: time.time_ns() // 1000,
        options=options,
    )


def enrol_people(path: Path, gallery: Path) -> EnrolmentReport:
    """Enrol the people of a folder or table with the default settings.

    Args:
        path: folder-per-person, or a CSV table.
        gallery: where templates are kept, encrypted; made when it is missing.

    Returns:
        What became of everybody.
    """
    return build_enroller(Settings()).enrol(read_plan(path), open_or_create_store(gallery))
