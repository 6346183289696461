"""Java that is ready soon: Kafka's classes out of an archive, made once a machine, and no second compiler."""

import subprocess
import zlib
from functools import cache
from pathlib import Path

TOOL = Path(__file__).resolve().parent.parent / "docker" / "kafka"
ONE_COMPILER = "-XX:TieredStopAtLevel=1"
"""A broker of a test lives for seconds or minutes: the second compiler costs more than it gains."""


@cache
def class_archive() -> Path:
    """Where the archive of this Java and these jars lies, made or not; the jars must be there."""
    jars = Path(subprocess.run([TOOL / "jars.sh"], capture_output=True, text=True, check=True).stdout.strip())
    version = subprocess.run(["java", "-version"], capture_output=True, check=True).stderr
    return jars.with_name(f"{jars.name}-{zlib.crc32(version):08x}.jsa")


def quick() -> str:
    """Options of a broker for tests; an archive that is missing or does not fit is left aside by Java."""
    return f"{ONE_COMPILER} -XX:SharedArchiveFile={class_archive()} -Xlog:disable -Xlog:all=error"


def archiving(draft: Path) -> str:
    """Options of a broker that writes the classes it knew into a draft of the archive when it ends."""
    return f"{ONE_COMPILER} -XX:ArchiveClassesAtExit={draft} -Xlog:disable -Xlog:all=error"
