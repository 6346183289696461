"""The plan of a chaos run: who is struck when, decided by the seed before anything starts."""

import random
from typing import Literal

import msgspec

from tests.chaos.options import ChaosOptions

Kind = Literal["measure", "sink", "broker", "disk", "clickhouse", "zombie", "stranger", "capture", "observe"]
TIMED: tuple[Kind, ...] = ("measure", "sink", "broker", "disk", "clickhouse", "zombie", "stranger")
"""Struck at a time; captures and observers are struck at a share of their frames: they end with them."""


class Strike(msgspec.Struct, frozen=True, kw_only=True):
    """One blow: `kill -9`, SIGSTOP and later SIGCONT, a full disk, or a sink with another database."""

    number: int
    kind: Kind
    at_s: float | None = None
    """After the feed has begun."""
    at_share: float | None = None
    """Of the frames of a round that the victim has done."""
    round: int = 0
    """Which round, counted from 0, when a share is meant."""
    which: int = 0
    """Of several victims of a kind: this one, modulo their number."""
    down_s: float = 0.0
    """How long a broker or database stays away or a disk full; services are started again at once."""


def planned(options: ChaosOptions) -> list[Strike]:
    """All strikes of a run: every kind in turn, in random order, at random times.

    Args:
        options: the seed, how many, over how long.

    Returns:
        Timed strikes by time, then those at a share of the frames.
    """
    chance = random.Random(f"{options.seed}/plan")
    kinds: list[Kind] = []
    while len(kinds) < options.timed:
        kinds += chance.sample(TIMED, k=len(TIMED))
    times = sorted(chance.uniform(0.05, 1.0) * options.feed_s for _ in range(options.timed))
    strikes = [
        Strike(number=number, kind=kind, at_s=at_s, which=chance.randrange(60), down_s=_down_s(chance, kind))
        for number, (kind, at_s) in enumerate(zip(kinds, times, strict=False), start=1)
    ]
    counts: dict[Kind, int] = {"capture": options.captures, "observe": options.observes}
    by_share = [kind for kind, count in counts.items() for _ in range(count)]
    for index, kind in enumerate(by_share):
        share, number = chance.uniform(0.05, 0.6), len(strikes) + 1
        strikes.append(
            Strike(number=number, kind=kind, at_share=share, round=index % options.rounds, which=index)
        )
    return strikes


def _down_s(chance: random.Random, kind: Kind) -> float:
    if kind in ("broker", "disk"):
        return chance.uniform(2.0, 8.0)
    return chance.uniform(0.0, 4.0) if kind == "clickhouse" else 0.0
