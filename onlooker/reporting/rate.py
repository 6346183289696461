"""What a low frame rate does to the figures of a stand, in words."""

from processors.thresholds import MeasureOptions


def rate_words(stand_id: str, fps: float, options: MeasureOptions) -> str | None:
    """What a reader of figures has to know of the rate at which they were seen.

    Args:
        stand_id: the stand.
        fps: of its slowest camera, frames/s.
        options: the thresholds that the figures were made with.

    Returns:
        A sentence; None where the rate does nothing to them: each frame then comes before the state of the
        one before it ends, after `max_gap_s`.
    """
    gap_s = 1 / fps
    if gap_s <= options.max_gap_s:
        return None
    seen = f"{stand_id} was seen at {fps:.3g} frames/s"
    needed = f"give it at least {1 / options.max_gap_s:.3g}"
    if gap_s > options.presence_gap_s:
        return (
            f"{seen}: that is too slow to count anybody, and an empty figure does not mean that nobody was "
            f"there (`measure.presence_gap_s`). To mend it, {needed} and measure again."
        )
    least_s = max(options.confirm_s, (options.confirm_samples - 1) * gap_s)
    return (
        f"{seen}: dwell and attention are at most about {options.max_gap_s / gap_s:.0%} of what they were, "
        f"and nobody is counted who was there for less than {least_s:.1f} s (`measure.max_gap_s`, "
        f"`measure.confirm_samples`). To mend it, {needed} and measure again."
    )
