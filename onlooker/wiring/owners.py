"""Builds what agrees with other captures on who owns a stand: who we are, what we want."""

import hashlib
import socket
import uuid
from collections.abc import Sequence
from pathlib import Path

from onlooker.settings.configuration import Settings, StandSettings
from onlooker.wiring.lines import camera_sources
from producers.owners.claims import camera_key
from producers.owners.group import CaptureGroup
from producers.owners.keeper import Keeper
from schemas.clocks import Clocks

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def build_keeper(settings: Settings, stands: Sequence[StandSettings], lock: Path) -> Keeper:
    """What owns stands and cameras for this process; it is not started.

    Args:
        settings: where the brokers are, and how long a session is.
        stands: all that this process wants to capture.
        lock: the lock file of the data directory; this process holds it.
    """
    instance = instance_of(lock)
    session_s = settings.publish.session_timeout_s
    cameras = [
        camera_key(stand.stand_id, source.camera_id)
        for stand in stands
        for source in camera_sources(settings, stand)
    ]
    return Keeper(
        lambda: CaptureGroup(settings.kafka, instance, session_s),
        instance=instance,
        name=f"{socket.gethostname()} ({instance[:6]})",
        wants=[*(stand.stand_id for stand in stands), *cameras],
        session_s=session_s,
        clocks=Clocks(),
    )


def instance_of(lock: Path) -> str:
    """Who a process is that holds a lock file.

    Returns:
        The same for the next process that takes this lock before the machine starts anew, which therefore
        gets its predecessor's stands at once; another for every lock that two processes may hold at one time,
        also in a copy of the data directory or of the whole machine.
    """
    try:
        boot = _BOOT_ID.read_text(encoding="ascii")
    except OSError:
        boot = uuid.uuid4().hex
    status = lock.stat()
    return hashlib.sha256(f"{boot} {status.st_dev} {status.st_ino}".encode()).hexdigest()[:16]
