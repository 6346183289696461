"""The floor under every Faust agent: one that takes events and does nothing. Run as a process of its own."""

import asyncio
import json
import os
import sys
import time
import uuid
from pathlib import Path

import faust

from onlooker.settings.configuration import load_settings
from onlooker.settings.precedence import in_force
from processors.runtime.agents.connection import credentials_of, urls_of
from schemas.broker import BrokerOptions


def trivial_app(broker: BrokerOptions, topic: str, *, counter: "Counter") -> faust.App:
    """An app with one agent that passes over the events of a topic, acknowledging as Faust does by default.

    Args:
        broker: where the brokers are.
        topic: prefilled.
        counter: hears of every event.

    Returns:
        The app, not started.
    """
    app = faust.App(
        broker.group(f"trivial-{uuid.uuid4().hex[:8]}"),
        broker=urls_of(broker),
        broker_credentials=credentials_of(broker),
        store="memory://",
        web_enabled=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
    )
    source = app.topic(topic, key_serializer="raw", value_serializer="raw", value_type=bytes)

    async def trivial(events: faust.StreamT[bytes]) -> None:
        async for _ in events:
            counter.one()

    app.agent(source)(trivial)
    return app


class Counter:
    """Times the events from the first to the last; then writes what they took, and ends the process.

    Args:
        expected: so many events there are.
        found: file for the result, as JSON.
    """

    def __init__(self, expected: int, found: Path) -> None:
        self._left = self._expected = expected
        self._found = found
        self._started_s = self._cpu_s = 0.0

    def one(self) -> None:
        """One more event has come."""
        if self._left == self._expected:
            self._started_s, self._cpu_s = time.perf_counter(), time.process_time()
        self._left -= 1
        if self._left == 0:
            self._finish()

    def _finish(self) -> None:
        seconds = time.perf_counter() - self._started_s
        cpu_seconds = time.process_time() - self._cpu_s
        found = {"count": self._expected - 1, "seconds": seconds, "cpu_seconds": cpu_seconds}
        self._found.write_text(json.dumps(found), encoding="utf-8")
        os._exit(0)


def main() -> None:
    """Run the agent named by the arguments: configuration, topic, number of events, file for the result."""
    config, topic, expected, found = sys.argv[1:5]
    broker = in_force(load_settings(Path(config)), os.environ, servers=("kafka",)).kafka
    app = trivial_app(broker, topic, counter=Counter(int(expected), Path(found)))
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    faust.Worker(
        app, loop=loop, loglevel="ERROR", quiet=True, redirect_stdouts=False
    ).execute_from_commandline()


if __name__ == "__main__":
    main()
