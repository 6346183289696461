"""Recognises enrolled people: similarity, a threshold from the wanted error rate, votes over a track."""

from collections.abc import Mapping, Sequence
from statistics import NormalDist

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.ports import Floats

Scores = NDArray[np.float64]
"""One number for each person of the gallery, (n,)."""

STRANGER_MEAN = 0.085
STRANGER_DEVIATION = 0.092
"""Cosine of a stranger's picture with an enrolled person's mean template: SFace, 260 people of the
YouTube-Faces stills, all pairs."""
PRIOR_PEOPLE = 20
"""The prior counts as much as this many enrolled people."""
TAIL = 1.07
"""The upper tail of strangers' scores is this much longer than a normal one (seen with 1 to 195 people)."""
MIN_WEIGHT = 0.05
"""Least weight of a face in a vote."""


class IdentityOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How sure recognition has to be."""

    false_positive_rate: float = 0.01
    """Share of strangers that may be taken for somebody of the gallery, whatever its size."""


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted person; `similarity` is the cosine with the person's mean template."""

    person_id: str
    similarity: float


class Gallery:
    """The enrolled people: a mean template each, and how strangers score against each of them.

    Printing it shows no template.
    """

    def __init__(self, templates_by_person: Mapping[str, Floats]) -> None:
        self.person_ids: tuple[str, ...] = tuple(sorted(templates_by_person))
        self._means = _mean_templates([templates_by_person[person] for person in self.person_ids])
        self._location, self._scale = _stranger_scores(
            self._means, [templates_by_person[person] for person in self.person_ids]
        )

    def __len__(self) -> int:
        return len(self.person_ids)

    def __repr__(self) -> str:
        return f"Gallery({len(self)} people)"

    def similarities(self, template: Floats) -> Scores:
        """Cosine of a face with every person.

        Args:
            template: (128,) of length 1.

        Returns:
            (n,) in [-1, 1], in the order of `person_ids`.
        """
        return np.asarray(self._means @ template, dtype=np.float64)

    def normalised(self, similarities: Scores) -> Scores:
        """Similarities on a scale where a stranger's are about normal with mean 0 and deviation 1.

        Args:
            similarities: (n,) as of `similarities`, or a weighted mean of several.

        Returns:
            (n,) deviations above a stranger's mean.
        """
        return np.asarray((similarities - self._location) / self._scale)


class IdentityVote(msgspec.Struct, frozen=True, kw_only=True):
    """What a track's faces say together: sums that do not depend on the faces' order.

    It stays in memory: many sums against a known gallery would tell about the template.
    """

    weight: float
    weighted_similarities: Scores

    def __repr__(self) -> str:
        return f"IdentityVote(weight={self.weight:.2f})"


class Recogniser:
    """Says who of a gallery a track shows, or nobody."""

    def __init__(self, gallery: Gallery, options: IdentityOptions) -> None:
        self._gallery = gallery
        self._threshold = acceptance_threshold(len(gallery), options.false_positive_rate)

    def voted(self, vote: IdentityVote | None, template: Floats, quality: float) -> IdentityVote:
        """The vote with one more face.

        Args:
            vote: what earlier faces of the track said, None at the first.
            template: (128,) of length 1.
            quality: of this face, in [0, 1]: its weight.

        Returns:
            The new vote.
        """
        weight = max(MIN_WEIGHT, quality)
        weighted = weight * self._gallery.similarities(template)
        if vote is None or len(vote.weighted_similarities) != len(weighted):
            return IdentityVote(weight=weight, weighted_similarities=weighted)
        return IdentityVote(
            weight=vote.weight + weight, weighted_similarities=vote.weighted_similarities + weighted
        )

    def decided(self, vote: IdentityVote) -> Match | None:
        """The person a vote is sure of.

        Args:
            vote: of one track.

        Returns:
            The best person when above the threshold, None for a stranger.
        """
        if len(self._gallery) == 0:
            return None
        similarities = vote.weighted_similarities / vote.weight
        deviations = self._gallery.normalised(similarities)
        best = int(deviations.argmax())
        if deviations[best] < self._threshold:
            return None
        return Match(
            person_id=self._gallery.person_ids[best],
            similarity=float(np.clip(similarities[best], -1.0, 1.0)),
        )

    def match(self, template: Floats) -> Match | None:
        """The person that a single face shows.

        Args:
            template: (128,) of length 1.

        Returns:
            The person, None for a stranger.
        """
        return self.decided(self.voted(None, template, 1.0))


def acceptance_threshold(people: int, false_positive_rate: float) -> float:
    """How far above a stranger's mean the best score must be.

    A stranger is compared with every one of n people; if one comparison goes wrong with probability m,
    one of n does with 1 - (1 - m)^n. This is set equal to the wanted rate, and m is turned into
    deviations of a normal distribution, stretched by `TAIL`.

    Args:
        people: size of the gallery, n.
        false_positive_rate: wanted share of strangers accepted, in (0, 1).

    Returns:
        Deviations; it grows with n and as the rate falls.
    """
    single = -np.expm1(np.log1p(-false_positive_rate) / max(1, people))
    return TAIL * -NormalDist().inv_cdf(float(single))


def _mean_templates(templates: Sequence[Floats]) -> Floats:
    means = np.stack([own.mean(axis=0) for own in templates]) if templates else np.zeros((0, 128))
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    return np.asarray(means / np.maximum(lengths, 1e-9), dtype=np.float32)


def _stranger_scores(means: Floats, templates: Sequence[Floats]) -> tuple[Scores, Scores]:
    """Mean and deviation of strangers' scores against each person: the others' pictures and the prior.

    Args:
        means: (n, 128).
        templates: a (k, 128) for each of the n people.

    Returns:
        Two (n,).
    """
    count = len(means)
    location = np.full(count, STRANGER_MEAN)
    second = np.full(count, STRANGER_DEVIATION**2 + STRANGER_MEAN**2)
    if count < 2:
        return location, np.sqrt(second - location**2)
    # For each person's pictures: mean score and mean squared score against every person, (n, n).
    scores = [(own @ means.T).astype(np.float64) for own in templates]
    others = 1.0 - np.eye(count)
    first_moment = (np.stack([s.mean(axis=0) for s in scores]) * others).sum(axis=0)
    second_moment = (np.stack([(s**2).mean(axis=0) for s in scores]) * others).sum(axis=0)
    total = count - 1 + PRIOR_PEOPLE
    location = (first_moment + PRIOR_PEOPLE * location) / total
    second = (second_moment + PRIOR_PEOPLE * second) / total
    return location, np.sqrt(second - location**2)
