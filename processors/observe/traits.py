"""Traits of a track: expression, age, gender and the best face so far, each refreshed at its own rate."""

import math

import msgspec

from schemas.events import EXPRESSIONS, Pose
from schemas.ranges import Count, Degrees, Positive, Seconds, Share
from schemas.units import us_from_s


class TraitOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often each costly network looks at a track."""

    expression_every_s: Seconds = 0.4
    expression_half_life_s: Positive = 0.3
    """How fast an older expression fades from the smoothed scores."""
    expression_max_turn_deg: Degrees = 45.0
    """Beyond this yaw or pitch the expression model was not trained; nothing is estimated."""
    age_gender_every_s: Seconds = 0.7
    age_gender_first: Count = 5
    """So many estimates come at that rate, later ones ten times more seldom."""
    age_gender_max_turn_deg: Degrees = 35.0
    quality_every_s: Seconds = 0.2
    """How often it is judged whether a face is good enough to be embedded."""
    template_min_quality: Share = 0.25
    template_min_samples: Count = 3
    template_gain: Positive = 1.15
    """A face must be this much better than the best so far to be embedded again."""
    template_every_s: Seconds = 0.5
    template_most: Count = 6
    """So many faces of one track are embedded at most."""


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a track besides where it is. Missing is None."""

    expression_scores: tuple[float, ...] | None = None
    expression_us: int | None = None
    age_years: float | None = None
    female_probability: float | None = None
    age_gender_weight: float = 0.0
    age_gender_count: int = 0
    age_gender_us: int | None = None
    template_quality: float = 0.0
    template_count: int = 0
    template_us: int | None = None
    quality: float = 0.0
    quality_us: int | None = None


def expression_due(traits: Traits, pose: Pose, t_us: int, options: TraitOptions) -> bool:
    """Whether the expression of this face should be read in this frame."""
    return _turn_deg(pose) <= options.expression_max_turn_deg and _elapsed(
        traits.expression_us, t_us, options.expression_every_s
    )


def age_gender_due(traits: Traits, pose: Pose, t_us: int, options: TraitOptions) -> bool:
    """Whether age and gender of this face should be read in this frame."""
    often = traits.age_gender_count < options.age_gender_first
    every_s = options.age_gender_every_s * (1 if often else 10)
    return _turn_deg(pose) <= options.age_gender_max_turn_deg and _elapsed(
        traits.age_gender_us, t_us, every_s
    )


def quality_due(traits: Traits, t_us: int, options: TraitOptions) -> bool:
    """Whether the quality of this face should be judged in this frame."""
    return _elapsed(traits.quality_us, t_us, options.quality_every_s)


def template_due(traits: Traits, quality: float, samples: int, t_us: int, options: TraitOptions) -> bool:
    """Whether this face is worth embedding: the first good one, or clearly better than the best so far.

    Args:
        traits: the track's traits so far.
        quality: quality of the face in this frame, 0..1; it must have been judged in this frame.
        samples: how often the track was seen.
        t_us: event time of the frame.
        options: thresholds.
    """
    if samples < options.template_min_samples or quality < options.template_min_quality:
        return False
    if traits.template_count >= options.template_most:
        return False
    better = traits.template_count == 0 or quality >= options.template_gain * traits.template_quality
    return better and _elapsed(traits.template_us, t_us, options.template_every_s)


def with_expression(traits: Traits, scores: tuple[float, ...], t_us: int, options: TraitOptions) -> Traits:
    """The traits after one more reading of the expression, smoothed over time.

    Args:
        traits: the traits so far.
        scores: one score a label of `EXPRESSIONS`, summing to 1.
        t_us: event time of the frame.
        options: the half-life.

    Returns:
        New traits; the scores still sum to 1.
    """
    smoothed = scores
    if traits.expression_scores is not None and traits.expression_us is not None:
        elapsed_s = (t_us - traits.expression_us) / 1e6
        keep = math.exp(-math.log(2) * max(0.0, elapsed_s) / options.expression_half_life_s)
        pairs = zip(traits.expression_scores, scores, strict=True)
        smoothed = tuple(keep * old + (1 - keep) * new for old, new in pairs)
    return msgspec.structs.replace(traits, expression_scores=smoothed, expression_us=t_us)


def with_age_gender(
    traits: Traits, age_years: float, female_probability: float, *, weight: float, t_us: int
) -> Traits:
    """The traits after one more estimate of age and gender: a mean weighted by the face's quality.

    Args:
        traits: the traits so far.
        age_years: the estimate.
        female_probability: the estimate, 0..1.
        weight: quality of the face, > 0.
        t_us: event time of the frame.
    """
    total = traits.age_gender_weight + weight
    share = weight / total
    age_before = age_years if traits.age_years is None else traits.age_years
    female_before = female_probability if traits.female_probability is None else traits.female_probability
    return msgspec.structs.replace(
        traits,
        age_years=age_before + share * (age_years - age_before),
        female_probability=female_before + share * (female_probability - female_before),
        age_gender_weight=total,
        age_gender_count=traits.age_gender_count + 1,
        age_gender_us=t_us,
    )


def with_template(traits: Traits, quality: float, t_us: int) -> Traits:
    """The traits after a face was embedded."""
    return msgspec.structs.replace(
        traits,
        template_quality=max(quality, traits.template_quality),
        template_count=traits.template_count + 1,
        template_us=t_us,
    )


def label_of(scores: tuple[float, ...]) -> str:
    """The one of `EXPRESSIONS` with the highest score, given a score of each."""
    return EXPRESSIONS[max(range(len(scores)), key=scores.__getitem__)]


def _turn_deg(pose: Pose) -> float:
    return max(abs(pose.yaw_deg), abs(pose.pitch_deg))


def _elapsed(since_us: int | None, t_us: int, every_s: float) -> bool:
    return since_us is None or t_us - since_us >= us_from_s(every_s)
