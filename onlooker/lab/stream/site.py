"""What every part of the stream benchmark works with: servers, a folder, how much to do, whom to tell."""

import uuid
from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path

import msgspec

from onlooker.lab.stream.input import Crowd
from onlooker.lab.stream.servers import broker, database
from onlooker.settings.configuration import Settings
from schemas.broker import BrokerOptions
from sinks.store.address import Address

Say = Callable[[str], None]
"""Takes a sentence about the progress."""


class Amounts(msgspec.Struct, frozen=True, kw_only=True):
    """How much each part does, chosen so that all of it takes about five minutes on two cores."""

    crowd: Crowd = Crowd(stands=20, seconds=200)
    """For MEASURE, in memory."""
    jpeg_frames: int = 3000
    png_frames: int = 500
    faust_crowd: Crowd = Crowd(stands=16, seconds=250)
    """Prefilled for the agents: 40,000 events."""
    sink_batch_rows: int = 50_000
    """A batch from Kafka gets up to 30,000 more: a sink takes whole answers of the broker."""
    sink_timed_batches: int = 2
    """From Kafka, after the first one."""
    latency_stands: tuple[int, ...] = (1, 4)
    latency_warm_up_s: float = 5.0
    latency_s: float = 15.0
    density_step_s: float = 6.0
    density_settle_s: float = 2.0
    """Cut off at the beginning of each step."""
    density_stands_a_core: float = 12
    """No more stands are tried."""
    density_limit_s: float = 120.0
    """No further stand is added after so long."""


QUICK = Amounts(
    crowd=Crowd(stands=4, seconds=70),
    jpeg_frames=100,
    png_frames=20,
    faust_crowd=Crowd(stands=4, seconds=50),
    sink_batch_rows=15_000,
    sink_timed_batches=1,
    latency_stands=(1,),
    latency_warm_up_s=0.5,
    latency_s=6.0,
    density_step_s=4.0,
    density_settle_s=1.0,
    density_stands_a_core=0,
    density_limit_s=20.0,
)
"""Shows that it runs; says nothing about speed."""


class Site:
    """Servers for a benchmark, each started when a part first asks for it.

    Args:
        settings: thresholds and models; their brokers and database are not used.
        named: brokers that run already; None: one is started here.
        folder: for data, configurations and logs.
        stack: ends what was started.
    """

    def __init__(
        self, settings: Settings, *, named: BrokerOptions | None, folder: Path, stack: ExitStack
    ) -> None:
        self.settings = settings
        self.folder = folder
        self._named = named
        self._stack = stack

    def start(self) -> None:
        """Start the broker now, so that one that is away is told before anything is measured."""
        self.kafka  # noqa: B018 - a property that starts it

    def apart(self) -> "Site":
        """The same servers under a prefix and in a folder of their own: groups and topics begin anew."""
        folder = self.folder / uuid.uuid4().hex[:8]
        folder.mkdir()
        site = Site(self.settings, named=self._named, folder=folder, stack=self._stack)
        site.kafka = msgspec.structs.replace(self.kafka, prefix=f"{self.kafka.prefix}-{folder.name}")
        if "clickhouse" in self.__dict__:
            site.clickhouse = self.clickhouse
        return site

    @cached_property
    def kafka(self) -> BrokerOptions:
        """A broker, with a prefix of our own."""
        return self._stack.enter_context(broker(self._named, self.folder))

    @cached_property
    def clickhouse(self) -> Address:
        """A database of our own."""
        return self._stack.enter_context(database(self.folder))


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What a part is handed."""

    site: Site
    amounts: Amounts
    repeat: int
    say: Say
