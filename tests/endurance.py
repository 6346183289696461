"""`python -m tests.endurance`: services with two live stands for an hour, and what their memory does."""

import argparse
import contextlib
import http.server
import itertools
import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import cv2
import msgspec
import numpy as np
import yaml

from onlooker.models.cache import ModelCache
from onlooker.wiring import cache_dir
from tests.brokers import KafkaCluster, why_not
from tests.services import services
from tests.topics import create_topics

CLIPS = ("WolfgangLanger_Pexels.mp4", "single_face.mp4")
"""Of the prepared samples: one live stand each, shown again and again."""
SERVICES = {
    "observe": ("work", "--role", "observe"),
    "measure": ("work", "--role", "measure"),
    "sink": ("sink",),
    "capture": ("capture",),
}
SETTLED_S = 600.0
"""Before that caches and heaps are still filling."""
STRETCH_S = 300.0
MOST_MB_AN_HOUR = 1.0
BOUNDARY = b"frame"
MB = 1_000_000


class Growth(msgspec.Struct, frozen=True, kw_only=True):
    """What the memory of one service did after it had settled."""

    service: str
    first_mb: float
    last_mb: float
    mb_an_hour: float
    """Slope of a straight line through the least value of every five minutes: least squares.

    Networks take and give back tens of megabytes from frame to frame; only what stays counts."""


@contextmanager
def live_cameras(clips: Sequence[str], fps: float) -> Iterator[list[str]]:
    """MJPEG cameras on loopback that show clips again and again; their URLs."""
    pictures = {f"/{number}": _jpegs(clip) for number, clip in enumerate(clips)}

    class Camera(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY.decode()}")
            self.end_headers()
            due_s = time.monotonic()
            with contextlib.suppress(OSError):
                for picture in itertools.cycle(pictures[self.path]):
                    head = b"--%s\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"
                    self.wfile.write(head % (BOUNDARY, len(picture)) + picture + b"\r\n")
                    due_s += 1 / fps
                    time.sleep(max(0.0, due_s - time.monotonic()))

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            del format, args

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Camera)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield [f"http://127.0.0.1:{server.server_port}{path}" for path in pictures]
    finally:
        server.shutdown()


def _jpegs(clip: str) -> list[bytes]:
    reader, pictures = cv2.VideoCapture(str(ModelCache(cache_dir()).sample_path(clip))), []
    while (shot := reader.read())[0]:
        pictures.append(cv2.imencode(".jpg", shot[1])[1].tobytes())
    return pictures


def private_mb(pid: int) -> float:
    """Memory that only this process has, resident or swapped, MB. Source: proc_pid_smaps_rollup(5)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    return sum(sizes[name] for name in ("Private_Clean", "Private_Dirty", "Swap")) * 1024 / MB


def growths(samples: Mapping[str, Sequence[tuple[float, float]]], settled_s: float) -> list[Growth]:
    """What memory did after `settled_s`.

    Args:
        samples: of each service (seconds since its start, MB).
        settled_s: earlier samples are left out.
    """
    found = []
    for service, several in samples.items():
        settled = [(at_s, mb) for at_s, mb in several if at_s >= settled_s]
        least = [
            min(group, key=lambda each: each[1])
            for _, group in itertools.groupby(settled, key=lambda each: each[0] // STRETCH_S)
        ]
        at_s, sizes_mb = np.array(least).T
        slope = float(np.polyfit(at_s, sizes_mb, 1)[0]) if len(least) > 1 else 0.0
        found.append(
            Growth(service=service, first_mb=least[0][1], last_mb=least[-1][1], mb_an_hour=slope * 3600)
        )
    return found


def endured(folder: Path, *, seconds: float, fps: float, settled_s: float) -> list[Growth]:
    """Run the services over two live stands; what their memory did.

    Args:
        folder: for data and logs; `memory.jsonl` there has every sample.
        seconds: how long.
        fps: of each camera.
        settled_s: what comes before is not judged.
    """
    with ExitStack() as stack:
        cluster = stack.enter_context(KafkaCluster(folder / "kafka"))
        urls = stack.enter_context(live_cameras(CLIPS, fps))
        config = _config(folder, cluster.bootstrap, urls)
        create_topics(config)
        running = stack.enter_context(services(folder, config))
        for name, arguments in SERVICES.items():
            running.start(name, *arguments)
        samples: dict[str, list[tuple[float, float]]] = {name: [] for name in SERVICES}
        began_s = time.monotonic()
        with (folder / "memory.jsonl").open("w") as log:
            while (at_s := time.monotonic() - began_s) < seconds:
                running.check()
                for name, process in running.processes.items():
                    samples[name].append((at_s, private_mb(process.pid)))
                line = {"at_s": round(at_s), **{name: round(s[-1][1], 3) for name, s in samples.items()}}
                print(json.dumps(line), file=log, flush=True)
                time.sleep(5.0)
        running.stop()
    return growths(samples, settled_s)


def _config(folder: Path, bootstrap: str, urls: Sequence[str]) -> Path:
    slots = [{"campaign_id": "endurance", "creative_id": name, "duration_s": 5} for name in ("one", "two")]
    content = {
        "data_dir": str(folder / "data"),
        "kafka": {"bootstrap": bootstrap, "prefix": "endurance"},
        "stands": [
            {"stand_id": f"stand-{number}", "cameras": [{"source": url}], "playlist": {"slots": slots}}
            for number, url in enumerate(urls)
        ],
    }
    path = folder / "endurance.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def main() -> int:
    """Run it; 0 when no service grew by more than it may, 1 when one did, 3 when Kafka cannot run here."""
    parser = argparse.ArgumentParser(prog="python -m tests.endurance", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="how long [60]")
    parser.add_argument("--fps", type=float, default=5.0, help="frames a second of each camera [5]")
    parser.add_argument("--folder", type=Path, help="for data and logs [a new one]")
    asked = parser.parse_args()
    if reason := why_not():
        sys.stderr.write(f"{reason}\n")
        return 3
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="onlooker-endurance-"))
    folder.mkdir(parents=True, exist_ok=True)
    seconds = asked.minutes * 60
    found = endured(folder, seconds=seconds, fps=asked.fps, settled_s=min(SETTLED_S, seconds / 2))
    for each in found:
        print(  # noqa: T201
            f"{each.service:8} {each.first_mb:8.2f} MB -> {each.last_mb:8.2f} MB, "
            f"{each.mb_an_hour:+.2f} MB an hour"
        )
    return 0 if all(each.mb_an_hour <= MOST_MB_AN_HOUR for each in found) else 1


if __name__ == "__main__":
    sys.exit(main())
