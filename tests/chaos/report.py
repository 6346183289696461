"""The verdict of a chaos run and its words: every strike with its recovery, every difference."""

from collections.abc import Sequence
from typing import Any

import msgspec

from tests.chaos.plan import Strike
from tests.chaos.strikes import Blow
from tests.chaos.supervised import Exit
from tests.chaos.tables import Difference

SHOWN = 10


class StrikeLine(msgspec.Struct, frozen=True, kw_only=True):
    """One strike as it is told."""

    at_s: float
    kind: str
    victim: str
    away_s: float | None
    """How long a broker or database was away, or a zombie stopped."""
    recovery_s: float | None
    """Until its kind made progress again; None: nothing waited for it."""
    trouble: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a run."""

    seed: int
    folder: str
    seconds: float
    fed: int
    frames: int
    strikes: list[StrikeLine]
    missed: list[Strike]
    """Strikes for which there was no occasion."""
    failures: list[Exit]
    """Services that ended by themselves."""
    rows: dict[str, int]
    """By table: rows that were ever inserted."""
    dead_letters: int
    problems: list[str]
    differences: list[Difference]

    @property
    def passed(self) -> bool:
        """Nothing lost, nothing double, nothing left out."""
        return not (self.differences or self.problems or self.missed or self.dead_letters)


def line_of(blow: Blow, began_s: float) -> StrikeLine:
    """A strike as it is told.

    Args:
        blow: the strike and what became of it.
        began_s: from when times count, by the monotonic clock.
    """
    away_s = None if blow.restored_s is None else round(blow.restored_s - blow.struck_s, 1)
    return StrikeLine(
        at_s=round(blow.struck_s - began_s, 1),
        kind=blow.strike.kind,
        victim=blow.victim,
        away_s=away_s,
        recovery_s=None if blow.recovery_s is None else round(blow.recovery_s, 1),
        trouble=blow.trouble,
    )


def words_of(verdict: Verdict) -> str:
    """The verdict for people."""
    lines = [f"{'at s':>7}  {'struck':<10} {'victim':<12} {'away s':>7} {'recovered after s':>18}"]
    for each in verdict.strikes:
        away, back = _number(each.away_s), _number(each.recovery_s)
        lines.append(
            f"{each.at_s:>7.1f}  {each.kind:<10} {each.victim:<12} {away:>7} {back:>18} {each.trouble}"
        )
    lines += ["", f"{verdict.fed} synthetic events, {verdict.frames} frames, {verdict.seconds:.0f} s"]
    lines.append("rows inserted: " + ", ".join(f"{name} {count}" for name, count in verdict.rows.items()))
    lines += [f"ended by itself: {_exit(end)}" for end in verdict.failures]
    lines += [f"no occasion to strike: {strike.kind} {strike.number}" for strike in verdict.missed]
    lines += [f"dead letters: {verdict.dead_letters}"] if verdict.dead_letters else []
    lines += [f"problem: {words}" for words in verdict.problems]
    lines += _shown(verdict.differences)
    if verdict.passed:
        lines.append("PASSED: 0 lost, 0 double; all rows equal those of an undisturbed run.")
    else:
        lines.append(f"FAILED; logs in {verdict.folder}")
    lines.append(f"seed {verdict.seed}")
    return "\n".join(lines)


def as_json(verdict: Verdict) -> dict[str, Any]:
    """The verdict for programs."""
    plain: dict[str, Any] = msgspec.to_builtins(
        msgspec.structs.asdict(verdict) | {"differences": [str(each) for each in verdict.differences]}
    )
    return {**plain, "passed": verdict.passed}


def _shown(differences: Sequence[Difference]) -> list[str]:
    tables = sorted({each.table for each in differences})
    lines = []
    for table in tables:
        here = [each for each in differences if each.table == table]
        lines.append(f"{table}: {len(here)} differences or more; the first:")
        lines += [f"  {each}" for each in here[:SHOWN]]
    return lines


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _exit(end: Exit) -> str:
    return f"{end.name} with {end.code}"
