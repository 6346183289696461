"""A replay is paused by signals and keys, and everything is as it was when it has ended."""

import os
import pty
import signal
import threading
import time
from pathlib import Path

import pytest

from onlooker.foreground.pausing import _listen, controlled
from onlooker.lab.replay import bench_replay
from producers.replay.pace import Pauses
from tests.brokers import wait_until


def test_signals_pause_and_resume() -> None:
    pauses = Pauses(threading.Event(), monotonic_s=time.monotonic)
    before = signal.getsignal(signal.SIGUSR1)
    with controlled(pauses):
        os.kill(os.getpid(), signal.SIGUSR1)
        wait_until(lambda: pauses.is_paused, words="it is paused")
        os.kill(os.getpid(), signal.SIGUSR2)
        wait_until(lambda: not pauses.is_paused, words="it goes on")
    assert signal.getsignal(signal.SIGUSR1) is before


def test_keys_do_the_other_one_of_the_two() -> None:
    pauses = Pauses(threading.Event(), monotonic_s=time.monotonic)
    over = threading.Event()
    master, keyboard = pty.openpty()
    listener = threading.Thread(target=_listen, args=(keyboard, pauses, over), daemon=True)
    listener.start()
    try:
        os.write(master, b"x\np\n")
        wait_until(lambda: pauses.is_paused, words="p pauses")
        os.write(master, b" \n")
        wait_until(lambda: not pauses.is_paused, words="space goes on")
    finally:
        over.set()
        listener.join(10)
        os.close(master)
        os.close(keyboard)
    assert not listener.is_alive()


def test_the_benchmark_counts_the_same_events_on_both_sides(tmp_path: Path) -> None:
    said: list[str] = []
    found = bench_replay(None, seconds=3, repeat=1, say=said.append)
    assert found.events == 300
    assert found.comparison.ours.runs == 1
    assert found.comparison.ours.per_s == pytest.approx(360_000 / found.hour_of_ten_stands_s, rel=0.01)
    assert said[0].startswith("Making a recording of 10 stands")
