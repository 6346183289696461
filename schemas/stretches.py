"""Stretches of a camera's frames: told apart are what goes on, what was seen before, and a clock set back."""

from typing import Literal

import msgspec

KEPT = 4
"""Stretches that are remembered of a camera: what is sent again may be of one before the present one."""

Course = Literal["on", "known", "back"]


class Stretch(msgspec.Struct, frozen=True, array_like=True):
    """Frames of one camera whose numbers and times grow together."""

    first_index: int
    first_us: int
    last_index: int
    last_us: int

    def holds(self, index: int, t_us: int) -> bool:
        """Whether a frame lies in it: then it was seen before."""
        return self.first_index <= index <= self.last_index and self.first_us <= t_us <= self.last_us


Stretches = tuple[Stretch, ...]
"""Of one camera, the present one last."""


def course_of(stretches: Stretches, index: int, t_us: int) -> Course:
    """How a frame follows those before it.

    Args:
        stretches: of its camera.
        index: the number of the frame.
        t_us: its event time, us UTC.

    Returns:
        `known` when a stretch holds it, `on` when it is later than the newest, else `back`: the clock was set
        back, or another process with an earlier clock has taken over.
    """
    if any(stretch.holds(index, t_us) for stretch in stretches):
        return "known"
    return "back" if stretches and t_us <= stretches[-1].last_us else "on"


def extended(stretches: Stretches, index: int, t_us: int) -> Stretches:
    """The stretches after a frame; one that is known changes nothing."""
    course = course_of(stretches, index, t_us)
    if course == "known":
        return stretches
    if course == "on" and stretches and index > stretches[-1].last_index:
        first = stretches[-1]
        return (*stretches[:-1], Stretch(first.first_index, first.first_us, index, t_us))
    return (*stretches[1 - KEPT :], Stretch(index, t_us, index, t_us))
