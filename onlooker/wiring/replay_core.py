"""The local core as a replay drives it: the stages of a worker in one process, and their facts."""

from pathlib import Path
from typing import Any, BinaryIO

from onlooker.recordings.digest import StreamDigest
from onlooker.recordings.expect import Expected, output_line
from onlooker.settings.configuration import Settings
from onlooker.wiring.perception import build_networks, build_observer, decoder, measure_options
from processors.measure.aligned import AlignedMeasure
from processors.observe.captured import CapturedFrames
from processors.observe.stage import ObserveStage
from processors.runtime.local import Delivery, LocalRuntime
from processors.topology import StageFold, StageName
from schemas.files import naming
from schemas.kinds import kinds
from schemas.reading import stand_of
from schemas.topics import Topic
from sinks.facts.kinds import is_fact
from sinks.service.local import LocalSink


class LocalCore:
    """Takes the events of a replay, and hands on what follows from them.

    Args:
        folds: the stages that work on them.
        fed: the topic that is replayed: what comes on others, save plays, is output.
        writer: stores plays and facts; None: nobody.
        expected: compares facts; None: nobody.
        output: takes facts as lines; None: nobody.
    """

    def __init__(
        self,
        folds: dict[StageName, StageFold],
        fed: Topic,
        *,
        writer: LocalSink | None = None,
        expected: Expected | None = None,
        output: BinaryIO | None = None,
    ) -> None:
        self._runtime = LocalRuntime(folds, self._deliver)
        self._fed = fed
        self._writer = writer
        self._expected = expected
        self._output = output
        self._observe = folds.get("observe")
        self.digest = StreamDigest()

    @property
    def bad_pictures(self) -> int:
        """Recorded pictures that could not be read."""
        return self._observe.bad_pictures if isinstance(self._observe, CapturedFrames) else 0

    def emit(self, topic: Topic, event: Any) -> None:
        """Take an event; all that follows from it has happened when this returns."""
        self._runtime.publish(topic, stand_of(event) or "", event)
        if self._writer is not None:
            self._writer.tick()

    def end(self, *, whole: bool) -> None:
        """Nothing more comes; after a whole replay nothing may be missing.

        Raises:
            CheckFailedError: something more was expected.
        """
        if self._writer is not None:
            self._writer.flush()
        if self._expected is not None and whole:
            self._expected.end()

    def _deliver(self, delivery: Delivery) -> None:
        topic, event = delivery.topic, delivery.event
        if self._writer is not None and is_fact(event):
            self._writer.add(event)
        if topic == "plays" or (topic == self._fed and topic not in kinds().measured):
            return
        self.digest.take(topic, event)
        if topic in kinds().measured and self._output is not None:
            with naming(Path(self._output.name)):
                self._output.write(output_line(topic, event))
        if self._expected is not None:
            self._expected.check(topic, event)


def build_core(
    settings: Settings,
    fed: Topic,
    *,
    gallery: Path | None = None,
    writer: LocalSink | None = None,
    expected: Expected | None = None,
    output: BinaryIO | None = None,
) -> LocalCore:
    """The stages that come after a topic, for a `LocalCore`; `gallery` is who may be recognised in frames.

    Raises:
        DependencyAwayError: a model is missing.
    """
    folds: dict[StageName, StageFold] = {"measure": AlignedMeasure(measure_options(settings))}
    if fed == "frames":
        networks = build_networks(settings, gallery)
        stage = ObserveStage(build_observer(settings, networks), networks.model_version)
        folds["observe"] = CapturedFrames(stage, decoder(settings.capture))
    return LocalCore(folds, fed, writer=writer, expected=expected, output=output)
