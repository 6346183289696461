"""Builds what enrolment needs: models, decoding, the gallery on disk."""

from pathlib import Path

import msgspec

from onlooker.models.cache import digest_of
from onlooker.people.enrolment import Enroller, EnrolmentReport
from onlooker.people.pictures import EnrolmentOptions, PictureJudge
from onlooker.people.plan import read_plan
from onlooker.people.store import open_or_create_store
from onlooker.settings.configuration import PeopleSettings, Settings
from onlooker.wiring.perception import build_networks, decoder
from processors.observe.stills import StillObserver
from schemas.clocks import Clocks


def build_enroller(settings: Settings) -> Enroller:
    """What enrols people; it sees as `analyze` does."""
    # A gallery that does not exist yet, or was made with another model, must not stand in the way.
    networks = build_networks(msgspec.structs.replace(settings, people=PeopleSettings()))
    options = EnrolmentOptions()
    stills = StillObserver(networks.faculties, None, settings.measure)
    return Enroller(
        PictureJudge(
            stills.observe_templates,
            decoder(settings.capture),
            options,
            max_bytes=settings.capture.max_picture_bytes,
        ),
        model_digest=digest_of(networks.nets["template"].path),
        clock_us=Clocks().now_us,
        options=options,
    )


def enrol_people(path: Path, gallery: Path) -> EnrolmentReport:
    """Enrol the people of a folder or table with the default settings; a missing gallery is made."""
    return build_enroller(Settings()).enrol(read_plan(path), open_or_create_store(gallery))
