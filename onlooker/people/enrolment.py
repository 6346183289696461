"""Enrols people: judges their pictures, looks for mix-ups, and writes them into a gallery."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np

from onlooker.people.pictures import (
    EnrolmentOptions,
    JudgedPicture,
    Outcome,
    PictureJudge,
    PictureReport,
)
from onlooker.people.plan import Plan, PlannedPerson
from onlooker.people.records import PersonRecord, packed_templates
from onlooker.people.store import Damaged, GalleryStore
from processors.observe.stills import StillFace
from schemas.ports import Floats


class PersonReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one person."""

    person_id: str
    enrolled: bool
    used: int
    given: int
    detail: str = ""


class EnrolmentReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of everybody and of every picture; no template in it."""

    people: tuple[PersonReport, ...]
    pictures: tuple[PictureReport, ...]
    left_out: tuple[str, ...] = ()
    damaged: tuple[Damaged, ...] = ()

    @property
    def enrolled(self) -> int:
        """Number of people enrolled."""
        return sum(person.enrolled for person in self.people)

    def as_json(self) -> dict[str, Any]:
        """The report for programs."""
        return {"enrolled": self.enrolled, **msgspec.to_builtins(self, enc_hook=str)}


class Enroller:
    """Enrols a plan into a gallery; a person enrolled before is replaced."""

    def __init__(
        self,
        judge: PictureJudge,
        *,
        model_digest: str,
        clock_us: Callable[[], int],
        options: EnrolmentOptions,
    ) -> None:
        self._judge = judge
        self._model_digest = model_digest
        self._clock_us = clock_us
        self._options = options

    def enrol(
        self,
        plan: Plan,
        store: GalleryStore,
        *,
        allow_duplicates: bool = False,
        advance: Callable[[int], None] = lambda _: None,
    ) -> EnrolmentReport:
        """Enrol everybody of a plan, one after the other.

        Args:
            plan: people and their pictures.
            store: the gallery.
            allow_duplicates: also enrol a person who looks like one enrolled under another id (twins).
            advance: called after each person with the number of pictures done.

        Raises:
            UsageError: when people are enrolled there already with another site key.
        """
        store.check_site_key()
        contents = store.contents()
        known = {person.person_id: person for person in contents.people}
        people, pictures = list[PersonReport](), list[PictureReport]()
        for planned in plan.people:
            judged, twin = self._judged(planned, known, allow_duplicates=allow_duplicates)
            faces = [picture.face for picture in judged if picture.face is not None]
            if faces:
                known[planned.person_id] = self._written(planned, faces, store, known)
            people.append(_person_report(planned, len(faces), twin))
            pictures.extend(picture.report for picture in judged)
            advance(len(planned.pictures))
        return EnrolmentReport(
            people=tuple(people),
            pictures=tuple(pictures),
            left_out=plan.left_out,
            damaged=contents.damaged,
        )

    def _judged(
        self, planned: PlannedPerson, known: dict[str, PersonRecord], *, allow_duplicates: bool
    ) -> tuple[list[JudgedPicture], str | None]:
        """A person's pictures with those left out that disagree, and who looks the same."""
        judged = [self._judge.judge(planned.person_id, path) for path in planned.pictures]
        judged = _agreeing(judged, self._options.min_agreement)
        twin = None if allow_duplicates else self._twin(planned.person_id, judged, known)
        if twin is not None:
            judged = _all_refused(judged, "duplicate", f"looks like {twin}, who is enrolled already")
        return judged, twin

    def _written(
        self,
        planned: PlannedPerson,
        faces: Sequence[StillFace],
        store: GalleryStore,
        known: dict[str, PersonRecord],
    ) -> PersonRecord:
        now_us = self._clock_us()
        before = known.get(planned.person_id)
        record = PersonRecord(
            person_id=planned.person_id,
            labels=planned.labels,
            model_digest=self._model_digest,
            created_us=before.created_us if before else now_us,
            updated_us=now_us,
            template_bytes=packed_templates(np.stack([face.template for face in faces])),
        )
        store.write(record)
        return record

    def _twin(
        self, person_id: str, judged: Sequence[JudgedPicture], known: dict[str, PersonRecord]
    ) -> str | None:
        """The person of another id who looks most like this one, when too much so."""
        faces = [picture.face.template for picture in judged if picture.face is not None]
        others = [
            person
            for person in known.values()
            if person.person_id != person_id and person.model_digest == self._model_digest
        ]
        if not faces or not others:
            return None
        mine = _direction(np.stack(faces))
        likeness = [float(_direction(other.templates) @ mine) for other in others]
        best = int(np.argmax(likeness))
        return others[best].person_id if likeness[best] >= self._options.max_likeness else None


def _agreeing(judged: Sequence[JudgedPicture], min_agreement: float) -> list[JudgedPicture]:
    """Leave out, worst first, pictures that do not look like the person's others.

    Of two that disagree nobody can say which is wrong: both are left out.
    """
    left = list(judged)
    while True:
        places = [i for i, picture in enumerate(left) if picture.face is not None]
        if len(places) < 2:
            return left
        templates = np.stack([face.template for i in places if (face := left[i].face) is not None])
        agreement = _agreement(templates)
        worst = int(agreement.argmin())
        if agreement[worst] >= min_agreement:
            return left
        wrong = places if len(places) == 2 else [places[worst]]
        words = "the two pictures show different people" if len(places) == 2 else "shows somebody else"
        for place in wrong:
            left[place] = _all_refused([left[place]], "disagrees", words)[0]


def _agreement(templates: Floats) -> Floats:
    """Cosine of each template with the mean of the others, (n,)."""
    others = templates.sum(axis=0, keepdims=True) - templates
    lengths = np.maximum(np.linalg.norm(others, axis=1), 1e-9)
    return np.asarray((templates * others).sum(axis=1) / lengths, dtype=np.float32)


def _direction(templates: Floats) -> Floats:
    mean = templates.mean(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), dtype=np.float32)


def _all_refused(judged: Sequence[JudgedPicture], outcome: Outcome, detail: str) -> list[JudgedPicture]:
    return [
        JudgedPicture(report=msgspec.structs.replace(picture.report, outcome=outcome, detail=detail))
        if picture.face is not None
        else picture
        for picture in judged
    ]


def _person_report(planned: PlannedPerson, used: int, twin: str | None) -> PersonReport:
    if twin is not None:
        detail = f"looks like {twin}; use --allow-duplicates if they are two people"
    else:
        detail = "" if used else "no picture could be used"
    return PersonReport(
        person_id=planned.person_id,
        enrolled=used > 0,
        used=used,
        given=len(planned.pictures),
        detail=detail,
    )
