"""What an undisturbed run gives: synthetic stands in this process, recorded ones by `onlooker run`."""

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from processors.measure.stage import MeasureStage
from processors.runtime.local import Delivery, LocalRuntime
from processors.thresholds import MeasureOptions
from processors.topology import topic_of
from schemas.events import MeasureInput, Play, VisitEnded, WindowClosed
from schemas.ports import RowStore
from sinks.service.local import LocalSink
from tests.e2e.command import COMMAND


class Blind:
    """OBSERVE where no frame comes."""

    def new_state(self, stand_id: str) -> Any:
        """Nothing to remember."""
        return None

    def step(self, state: Any, event: Any) -> tuple[Any, tuple[Any, ...]]:
        """Nothing follows."""
        return state, ()


def write_synthetic(store: RowStore, events: Iterable[MeasureInput]) -> None:
    """Measure events in this process, in their order, and write what follows.

    Args:
        store: the database of the undisturbed run, migrated.
        events: as they were fed.
    """
    writer = LocalSink(store, run_id="undisturbed")

    def deliver(delivery: Delivery) -> None:
        if isinstance(delivery.event, Play | VisitEnded | WindowClosed):
            writer.add(delivery.event)

    runtime = LocalRuntime({"observe": Blind(), "measure": MeasureStage(MeasureOptions())}, deliver)
    for event in events:
        runtime.publish(topic_of(event), event.stand_id, event)
    writer.flush()


def write_recorded(config: Path) -> dict[str, Any]:
    """Run the recordings of a configuration embedded, into the database that it names.

    Args:
        config: of the undisturbed run.

    Returns:
        The summary of the run.
    """
    done = subprocess.run(
        [*COMMAND, "run", "--config", config, "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
