"""The README's commands are run as they stand there, in a folder with the files they name."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from onlooker.models.cache import ModelCache
from onlooker.wiring import cache_dir

README = Path(__file__).parents[2] / "README.md"


def commands() -> list[str]:
    """The lines of the README's shell block that call onlooker, without their remarks."""
    (block,) = re.findall(r"```sh\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line.split("  #")[0].split(" # ")[0].strip() for line in block.splitlines()]
    return [line for line in lines if line.startswith("onlooker ")]


def questions() -> list[str]:
    """The README's SQL."""
    return re.findall(r"```sql\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.slow
@pytest.mark.models
@pytest.mark.clickhouse
def test_the_commands_of_the_readme_work(model_paths: Mapping[str, Path], tmp_path: Path) -> None:
    assert model_paths
    cache = ModelCache(cache_dir())
    shutil.copy(cache.sample_path("single_face.mp4"), tmp_path / "walk.mp4")
    shutil.copy(cache.sample_path("single_face.jpg"), tmp_path / "photo.jpg")
    (tmp_path / "people.csv").write_text("person_id,path\nJane_Doe,photo.jpg\n", encoding="utf-8")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    lines = [*commands(), *(f'onlooker query "{sql.strip()}"' for sql in questions())]
    assert len(lines) >= 10
    for line in lines:
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=tmp_path,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    assert (tmp_path / "report.html").stat().st_size > 100_000
    assert (tmp_path / "seen" / "photo.jpg").exists()
