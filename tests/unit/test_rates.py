"""The frame rate: found from the frames, and what it does to figures, by the thresholds in force."""

import numpy as np
import pytest
from msgspec.structs import replace

from onlooker.reporting.rate import rate_words
from onlooker.run.rates import Rates
from processors.thresholds import MeasureOptions
from schemas.frames import Frame
from schemas.units import US_PER_S

OPTIONS = MeasureOptions()


def rates_of(*cameras: list[float]) -> dict[str, float]:
    rates = Rates()
    for number, times_s in enumerate(cameras):
        for index, t_s in enumerate(times_s):
            rates.take(
                Frame(
                    stand_id="door",
                    camera_id=str(number),
                    frame_index=index,
                    t_us=round(t_s * US_PER_S),
                    picture=np.zeros((1, 1, 3), np.uint8),
                    captured_monotonic_s=0.0,
                )
            )
    return rates.slowest


def test_the_rate_is_that_of_the_slowest_camera_and_no_pause_changes_it() -> None:
    assert rates_of([0, 1, 2, 3]) == {"door": 1.0}
    assert rates_of([0, 0.1, 0.2, 0.3, 4000.0, 4000.1]) == {"door": 10.0}
    assert rates_of([0, 0.1, 0.2], [0, 0.5, 1.0]) == {"door": 2.0}
    assert rates_of([0]) == {}


@pytest.mark.parametrize("fps", [2.0, 5.0, 30.0])
def test_nothing_is_said_where_the_rate_does_nothing(fps: float) -> None:
    assert rate_words("door", fps, OPTIONS) is None


def test_what_a_low_rate_did_is_said_by_the_thresholds() -> None:
    words = rate_words("door", 1.0, OPTIONS) or ""
    assert all(part in words for part in ("door", "1 frames/s", "50%", "less than 2.0 s", "at least 2 "))
    assert rate_words("door", 1.0, replace(OPTIONS, max_gap_s=1.0)) is None
    words = rate_words("door", 1.0, replace(OPTIONS, confirm_samples=6)) or ""
    assert "less than 5.0 s" in words
    assert "too slow to count anybody" in (rate_words("door", 0.5, OPTIONS) or "")
