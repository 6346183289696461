"""From capture to row: the real services on this machine, at one stand and more."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from rich.console import Console

from onlooker.lab.stream.figures import Latency, latency_of
from onlooker.lab.stream.footage import as_folder, footage
from onlooker.lab.stream.input import FRAMES_PER_S
from onlooker.lab.stream.sender import FAR_APART, stand_name
from onlooker.lab.stream.services import Services, services, wait_until, written
from onlooker.lab.stream.shapes import latency_words, plain_table
from onlooker.lab.stream.site import Site, Work
from onlooker.lab.stream.topics import making_topics
from onlooker.settings.configuration import CameraSettings, StandSettings
from producers.playlist import PlaylistOptions, Slot
from producers.publish.pictures import Encoded
from schemas.broker import BrokerOptions
from schemas.message import captured_us_of
from schemas.topics import Topic
from schemas.units import us_from_s
from sinks.store.clickhouse import ClickHouse

PARTITIONS = 12
WINDOW_S = 1.0
"""Windows so short that there are enough rows to take percentiles of."""
PLAYLIST = PlaylistOptions(slots=(Slot(campaign_id="bench", creative_id="bench", duration_s=5),))
READY_S = 60.0
DRAINED_S = 60.0
MEANING = (
    f"From the capture of the frame that closed a visit or a window (of {WINDOW_S:.0f} s here) to the row's "
    "_inserted_at, through capture, OBSERVE, MEASURE and sink, whose batches take up to a second."
)
HEADS: dict[Topic, str] = {"visits": "visits", "campaign_windows": "windows"}
"""Topic and the table that has a row for each of its messages."""

Place = tuple[str, int, int]
"""Topic, partition, offset."""


class AtStands(msgspec.Struct, frozen=True, kw_only=True):
    """Latency at so many stands."""

    stands: int
    latency: Latency


class RowLatency(msgspec.Struct, frozen=True, kw_only=True):
    """Latency from capture to row, stands by stands."""

    meaning: str
    frames_per_s: int
    """A stand."""
    warm_up_s: float
    """Cut off at the beginning."""
    steps: tuple[AtStands, ...]

    def show(self, console: Console) -> None:
        """Print it for a person."""
        table = plain_table("Latency from capture to row")
        for name in ("stands", "rows", "p50 ms", "p95 ms", "p99 ms"):
            table.add_column(name, justify="right")
        for step in self.steps:
            table.add_row(str(step.stands), *latency_words(step.latency))
        console.print(table)
        console.print(f"[dim]{self.meaning}[/]")


def bench_latency(work: Work) -> RowLatency:
    """Run capture, OBSERVE, MEASURE and sink for some seconds at each number of stands.

    Args:
        work: the site, the numbers of stands, the seconds.

    Returns:
        Percentiles of each.
    """
    pictures = footage(work.site.settings)
    steps = [_step(work, stands, pictures) for stands in work.amounts.latency_stands]
    return RowLatency(
        meaning=MEANING,
        frames_per_s=FRAMES_PER_S,
        warm_up_s=work.amounts.latency_warm_up_s,
        steps=tuple(steps),
    )


def _step(work: Work, stands: int, pictures: Sequence[Encoded]) -> AtStands:
    work.site.clickhouse  # noqa: B018 - started before the sites that share it
    site = work.site.apart()
    with ExitStack() as stack:
        stack.enter_context(making_topics(site.kafka, partitions=PARTITIONS))
        running = stack.enter_context(services(site, database=True))
        _start(running, site, _stands(site.folder, stands, work, pictures))
        captured = _until_drained(running, site, stands, work)
        rows = _inserted(site)
    first_us = min(captured.values(), default=0) + us_from_s(work.amounts.latency_warm_up_s)
    values = [rows[place] - at_us for place, at_us in captured.items() if at_us >= first_us and place in rows]
    latency = latency_of(values)
    work.say(f"  {stands} stands: p95 {latency.p95_ms} ms")
    return AtStands(stands=stands, latency=latency)


def _stands(folder: Path, count: int, work: Work, pictures: Sequence[Encoded]) -> list[StandSettings]:
    """Stands whose cameras show the footage from different places on."""
    frames = round((work.amounts.latency_warm_up_s + work.amounts.latency_s) * FRAMES_PER_S)
    found = []
    for number in range(count):
        begin = number * FAR_APART
        shown = [pictures[(begin + index) % len(pictures)] for index in range(frames)]
        source = as_folder(shown, folder / f"camera-{number}")
        camera = CameraSettings(source=str(source))
        # Named after the step: facts of the same stands and times are known already, and not written again.
        stand_id = f"{folder.name}-{stand_name(number)}"
        found.append(StandSettings(stand_id=stand_id, cameras=(camera,), playlist=PLAYLIST))
    return found


def _start(running: Services, site: Site, stands: Sequence[StandSettings]) -> None:
    replace, settings = msgspec.structs.replace, site.settings
    config = written(
        site,
        "latency",
        stands=stands,
        capture=replace(settings.capture, folder_fps=float(FRAMES_PER_S)),
        publish=replace(settings.publish, encoding="jpeg"),
        measure=replace(settings.measure, window_s=WINDOW_S),
    )
    for name in ("observe", "measure"):
        running.start(name, "onlooker", "work", "--role", name, "--config", config)
    running.start("sink", "onlooker", "sink", "--config", config)
    groups = {name: site.kafka.group(name) for name in ("observe", "measure", "sink")}
    wait_until(
        lambda: all(has_members(site.kafka, group) for group in groups.values()),
        words="the services have joined their groups",
        timeout_s=READY_S,
        check=running.check,
    )
    running.start("capture", "onlooker", "capture", "--config", config, "--pace", "real")


def has_members(kafka: BrokerOptions, group: str) -> bool:
    """Whether a consumer group is at work.

    Args:
        kafka: how to reach the brokers.
        group: its name.

    Returns:
        True when it is stable and has a member.
    """
    admin = KafkaAdminClient(**kafka.arguments())
    try:
        found = admin.describe_groups([group])[group]
        return found["group_state"] == "Stable" and bool(found["members"])
    except KafkaError:  # the group has no coordinator yet
        return False
    finally:
        admin.close()


def _until_drained(running: Services, site: Site, stands: int, work: Work) -> dict[Place, int]:
    """Read what MEASURE says until the stands have ended and all of it is rows."""
    consumer = KafkaConsumer(**site.kafka.arguments(), enable_auto_commit=False)
    names = [site.kafka.topics.name(topic) for topic in HEADS]
    places = [TopicPartition(name, number) for name in names for number in range(PARTITIONS)]
    consumer.assign(places)
    consumer.seek_to_beginning(*places)
    captured: dict[Place, int] = {}
    seen: set[Place] = set()

    def drained() -> bool:
        for tp, messages in consumer.poll(200).items():
            for each in messages:
                place = (tp.topic, tp.partition, each.offset)
                seen.add(place)
                if (at_us := captured_us_of(each.headers)) is not None:
                    captured[place] = at_us
        return not running.running("capture") and len(seen) > stands and seen <= _inserted(site).keys()

    seconds = work.amounts.latency_warm_up_s + work.amounts.latency_s
    try:
        _wait_steadily(drained, running, READY_S + seconds + DRAINED_S)
    finally:
        consumer.close()
    return captured


def _wait_steadily(drained: Callable[[], bool], running: Services, timeout_s: float) -> None:
    """Drained twice, a second and a half apart: the last windows come when the stream has ended."""
    wait_until(drained, words="all facts are rows", timeout_s=timeout_s, check=running.check)
    time.sleep(1.5)
    wait_until(drained, words="the last facts are rows", timeout_s=DRAINED_S, check=running.check)


def _inserted(site: Site) -> dict[Place, int]:
    """When each message became a row, us UTC."""
    store = ClickHouse(site.clickhouse)
    found: dict[Place, int] = {}
    try:
        for topic, table in HEADS.items():
            sql = (
                "SELECT _topic, _partition, _offset, toUnixTimestamp64Micro(_inserted_at) "  # noqa: S608
                f"FROM {table} WHERE _topic = {{topic:String}}"
            )
            for name, partition, offset, at_us in store.rows(sql, {"topic": site.kafka.topics.name(topic)}):
                found[(name, int(partition), int(offset))] = int(at_us)
    finally:
        store.close()
    return found
