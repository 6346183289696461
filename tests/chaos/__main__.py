"""`python -m tests.chaos`: the chaos test from the command line, long by default."""

import argparse
import json
import random
import sys
import tempfile
from pathlib import Path

import msgspec

from tests.brokers import why_not
from tests.chaos.course import run_chaos
from tests.chaos.options import long_form, short_form
from tests.chaos.report import as_json, words_of


def main() -> int:
    """Run it; 0 when nothing was lost and nothing double, 1 when not, 3 when Kafka cannot run here."""
    asked = _arguments().parse_args()
    if reason := why_not():
        sys.stderr.write(f"{reason}\n")
        return 3
    seed = random.SystemRandom().randrange(1_000_000) if asked.seed is None else asked.seed
    options = short_form(seed) if asked.short else long_form(seed)
    if asked.events is not None:
        options = msgspec.structs.replace(options, observations=asked.events)
    if asked.minutes is not None:
        options = msgspec.structs.replace(options, feed_s=asked.minutes * 60.0)
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="onlooker-chaos-"))
    verdict = run_chaos(options, folder, lambda line: print(line, file=sys.stderr, flush=True))  # noqa: T201
    sys.stdout.write((json.dumps(as_json(verdict)) if asked.json else words_of(verdict)) + "\n")
    return 0 if verdict.passed else 1


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--short", action="store_true", help="every kind of victim once, about 100 s")
    parser.add_argument("--seed", type=int, help="of stream, victims and times [a random one]")
    parser.add_argument("--events", type=int, help="synthetic observations to feed")
    parser.add_argument("--minutes", type=float, help="how long feeding them takes")
    parser.add_argument("--folder", type=Path, help="for data and logs [a new one, removed when it passes]")
    parser.add_argument("--json", action="store_true", help="print the verdict as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
