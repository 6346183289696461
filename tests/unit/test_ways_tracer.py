"""The tracer of the ways notes functions that run, in every thread, and not what an import runs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.ways import tracer

MAIN = """
import pathlib, sys, threading
from onlooker import inner

def twice():
    inner.used()
    stage = pathlib.Path(sys.argv[1]) / "stage"
    stage.write_bytes(bytes([1]))
    inner.used()

if __name__ == "__main__":
    twice()
    thread = threading.Thread(target=inner.in_a_thread)
    thread.start()
    thread.join()
"""
INNER = """
def at_import():
    return [number for number in range(2)]

NUMBERS = at_import()

class Value:
    double = 2 * len(NUMBERS)

    def method(self):
        return self.double

def used():
    return Value().method()

def in_a_thread():
    return used()

def unused():
    return sorted([], key=lambda each: each)
"""


def traced(tmp_path: Path) -> list[tuple[str, str, str]]:
    """Stage, path and function of every line, from a process over a project of two files."""
    root, path, traces = tmp_path / "root", tmp_path / "path", tmp_path / "traces"
    for folder in (root / "onlooker", path, traces):
        folder.mkdir(parents=True)
    (root / "onlooker" / "__init__.py").touch()
    (root / "onlooker" / "__main__.py").write_text(MAIN)
    (root / "onlooker" / "inner.py").write_text(INNER)
    (traces / "stage").write_bytes(b"\0")
    shutil.copyfile(tracer.__file__, path / "sitecustomize.py")
    environment = {
        **os.environ,
        "PYTHONPATH": str(path),
        tracer.FOLDER: str(traces),
        tracer.ROOT: str(root),
        tracer.PROCESS: "main",
    }
    subprocess.run(
        [sys.executable, "-m", "onlooker", str(traces)], check=True, cwd=root, env=environment, timeout=60
    )
    (file,) = traces.glob("main-*.trace")
    lines = [line.split("\t") for line in file.read_text().splitlines()]
    return [(stage, path, function) for stage, _, path, function, _, _ in lines]


def test_functions_are_noted_once_in_each_stage_and_imports_are_not(tmp_path: Path) -> None:
    main, inner = "onlooker/__main__.py", "onlooker/inner.py"
    assert traced(tmp_path) == [
        ("0", main, "twice"),
        ("0", inner, "used"),
        ("0", inner, "Value.method"),
        ("1", main, "twice"),
        ("1", inner, "used"),
        ("1", inner, "Value.method"),
        ("1", inner, "in_a_thread"),
    ]
