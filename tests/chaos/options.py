"""How long a chaos run is, what it feeds and how often it strikes: a long form and a short one."""

import msgspec

from tests.streams import START_US, StreamOptions

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US


class ChaosOptions(msgspec.Struct, frozen=True, kw_only=True):
    """One chaos run; the seed decides the stream, the victims and the times."""

    seed: int
    observations: int = 200_000
    """Synthetic observations fed straight into the topic."""
    feed_s: float = 420.0
    """How long feeding them takes."""
    rounds: int = 3
    """Captures one after the other, each of all clips, as stands of their own."""
    clips: tuple[str, ...] = (
        "WolfgangLanger_Pexels.mp4",
        "face_noface.mov",
        "noface_face.mov",
        "single_face.mp4",
    )
    """Of the prepared samples."""
    timed: int = 35
    """Strikes on measure workers, sinks, brokers, a disk and the database, at random times."""
    captures: int = 4
    """Strikes on captures, at random shares of their frames."""
    observes: int = 6
    """Strikes on observe workers, at random shares of the frames they have to look at."""
    set_by_us: int = 3 * HOUR_US
    """By how much clocks of synthetic stands are set wrong, before they are set right again."""
    second_day: bool = True
    """Whether all topics are made anew in the end and the first round comes again, a day later."""
    drain_s: float = 360.0
    """How long everything may take to be written after the feed should have ended."""

    @property
    def stream(self) -> StreamOptions:
        """The synthetic part."""
        return StreamOptions(observations=self.observations, seed=self.seed, set_by_us=self.set_by_us)

    @property
    def second_stream(self) -> StreamOptions:
        """The synthetic part of the second day: the same stands."""
        return msgspec.structs.replace(
            self.stream, observations=self.observations // 10, start_us=START_US + DAY_US, set_by_us=0
        )


def long_form(seed: int) -> ChaosOptions:
    """At least 200,000 observations and 2,646 frames, at most 15 minutes."""
    return ChaosOptions(seed=seed)


def short_form(seed: int) -> ChaosOptions:
    """Every kind of victim once, in about 100 seconds."""
    return ChaosOptions(
        seed=seed,
        observations=16_000,
        feed_s=40.0,
        rounds=1,
        clips=("WolfgangLanger_Pexels.mp4", "single_face.mp4"),
        timed=7,
        captures=1,
        observes=1,
        # Ahead for so short a time, plays of the time after would be read before that time had come: nobody
        # could tell them from plays of a pause.
        set_by_us=-3 * HOUR_US,
        second_day=False,
        drain_s=240.0,
    )
