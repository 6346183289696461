"""Recognises enrolled people: similarity, a threshold from the wanted error rate, votes over a track."""

from collections.abc import Mapping, Sequence
from statistics import NormalDist

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.ports import Floats
from schemas.ranges import Rate

Scores = NDArray[np.float64]
"""One number for each person of the gallery, (n,)."""

STRANGER_MEAN = 0.10
STRANGER_DEVIATION = 0.092
"""Cosine of a stranger's picture with an enrolled person's mean template: SFace, 260 people of the
YouTube-Faces stills, all pairs."""
PRIOR_PEOPLE = 40
"""The prior counts as much as this many enrolled people."""
TAIL = 1.11
"""The upper tail of strangers' scores is longer than a normal one: by 1.01 to 1.11, measured with 1 to 195
enrolled people over random splits of the same 260."""
TEMPLATE_SIZE = 128
MIN_WEIGHT = 0.05
"""Least weight of a face in a vote."""


class IdentityOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How sure recognition has to be."""

    false_positive_rate: Rate = 0.01
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
        own = [np.asarray(templates_by_person[person], dtype=np.float64) for person in self.person_ids]
        means = _unit_rows(_mean_rows(own))
        self._centre = _centre(means)
        self._means = _unit_rows(means - self._centre)
        self._location, self._scale = _stranger_scores(
            self._means,
            [_unit_rows(templates - self._centre) for templates in own],
            _prior_means(means, self._centre),
        )

    def __len__(self) -> int:
        return len(self.person_ids)

    def __repr__(self) -> str:
        return f"Gallery({len(self)} people)"

    def similarities(self, template: Floats) -> Scores:
        """Cosine of a face with every person, both seen from the middle of the gallery.

        Args:
            template: (128,) of length 1.

        Returns:
            (n,) in [-1, 1], in the order of `person_ids`.
        """
        return np.asarray(self._means @ _unit_rows((template - self._centre)[None])[0])

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


def _centre(means: Scores) -> Scores:
    """The middle of the gallery, drawn towards zero while few people are enrolled; (128,).

    What all faces share says nothing about who it is; without it strangers look less alike.
    """
    if len(means) == 0:
        return np.zeros(TEMPLATE_SIZE)
    return np.asarray(means.mean(axis=0) * _trust(len(means)))


def _trust(people: int) -> float:
    return people / (people + PRIOR_PEOPLE)


def _prior_means(means: Scores, centre: Scores) -> Scores:
    """What a stranger of the prior would score against each person once the centre is taken away, (n,).

    With x a stranger, m a person's mean and c the centre, x.m and x.mean(m) are `STRANGER_MEAN`, and
    the cosine of x - c and m - c follows.
    """
    own = means @ centre
    square = float(centre @ centre)
    towards_centre = STRANGER_MEAN * _trust(len(means))
    shared = STRANGER_MEAN - towards_centre - own + square
    return np.asarray(shared / np.sqrt((1 - 2 * towards_centre + square) * (1 - 2 * own + square)))


def _stranger_scores(
    means: Scores, templates: Sequence[Scores], prior_means: Scores
) -> tuple[Scores, Scores]:
    """Mean and deviation of strangers' scores against each person: the others' pictures and the prior.

    Args:
        means: (n, 128), centred, of length 1.
        templates: a (k, 128) for each of the n people, centred, of length 1.
        prior_means: (n,).

    Returns:
        Two (n,).
    """
    count = len(means)
    prior_squares = prior_means**2 + STRANGER_DEVIATION**2
    first, square = np.zeros(count), np.zeros(count)
    for person, own in enumerate(templates):
        scores = own @ means.T
        scores[:, person] = 0.0
        first += scores.mean(axis=0)
        square += (scores**2).mean(axis=0)
    total = max(0, count - 1) + PRIOR_PEOPLE
    location = (first + PRIOR_PEOPLE * prior_means) / total
    return location, np.sqrt((square + PRIOR_PEOPLE * prior_squares) / total - location**2)


def _mean_rows(templates: Sequence[Scores]) -> Scores:
    return np.stack([own.mean(axis=0) for own in templates]) if templates else np.zeros((0, TEMPLATE_SIZE))


def _unit_rows(rows: Scores) -> Scores:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9))
