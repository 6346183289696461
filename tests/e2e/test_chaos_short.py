"""Kill every part of the distributed deployment while it works: no row is lost, none is double."""

import os
import random
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import pytest

from tests.chaos.course import run_chaos
from tests.chaos.options import short_form
from tests.chaos.plan import Kind
from tests.chaos.report import words_of

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.clickhouse,
    pytest.mark.models,
    pytest.mark.slow,
    pytest.mark.timeout(900),
]


def test_nothing_is_lost_and_nothing_double_whoever_is_killed(
    kafka_jars: None, model_paths: Mapping[str, Path], tmp_path: Path
) -> None:
    """Every run has another seed, which it prints; ONLOOKER_CHAOS_SEED repeats one."""
    assert model_paths
    seed = int(os.environ.get("ONLOOKER_CHAOS_SEED") or random.SystemRandom().randrange(1_000_000))
    verdict = run_chaos(short_form(seed), tmp_path / "chaos", _say)
    words = words_of(verdict)
    sys.stderr.write(words + "\n")
    assert verdict.passed, f"python -m tests.chaos --short --seed {seed}\n{words}"
    # A broker's disk is made full only where this process may mount one.
    assert {each.kind for each in verdict.strikes} | {"disk"} == set(get_args(Kind))
    assert min(verdict.rows.values()) > 0, "there was something to lose"


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
