"""Options of the workers: how often they keep their states, how much they take at once, when they give up."""

from typing import Annotated

import msgspec

from processors.topology import Portion
from schemas.dead_letters import DeadLetterOptions
from schemas.ranges import Count, Positive, Seconds, Session


class Amounts(msgspec.Struct, frozen=True, kw_only=True):
    """How much a worker has in hand."""

    batch: int
    """Messages handled at once, at most."""
    poll: int
    """Messages asked for at once."""
    buffer: int
    """Messages fetched ahead."""


class WorkOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the stages run as services."""

    session_timeout_s: Session = 10.0
    """A worker that is silent for so long has lost its partitions, and must not write any more."""
    checkpoint_every_s: Positive = 1.0
    """How often the states of stands that changed are written: about so much is done again after a crash."""
    stall_s: Positive = 60.0
    """A worker that handles nothing for so long although events wait ends, so that it is started anew."""
    stop_s: Positive = 10.0
    """How long leaving the group may take at the end; all that matters is written before."""
    batch_events: Count = 500
    """A light stage, like MEASURE, takes at most so many events at once."""
    batch_frames: Count = 16
    """OBSERVE takes at most so many frames at once."""
    frames_within_s: Seconds = 0.0
    """How long OBSERVE waits for more frames once it has one: latency for evenly filled threads."""
    inference_threads: Annotated[int, msgspec.Meta(ge=1, le=1_024)] = 2
    """Cameras that OBSERVE looks at in parallel."""
    buffer_events: Count = 4096
    buffer_frames: Count = 64
    """What is fetched ahead; frames are large."""
    checkpoint_bytes: Count = 4_194_304
    """The largest state of a stand that can be kept: `max.message.bytes` of the checkpoints' topic."""
    dead_letters: DeadLetterOptions = DeadLetterOptions()

    def amounts(self, takes: Portion) -> Amounts:
        """How much a stage has in hand."""
        return {
            "events": Amounts(batch=self.batch_events, poll=self.batch_events, buffer=self.buffer_events),
            "frames": Amounts(batch=self.batch_frames, poll=self.buffer_frames, buffer=self.buffer_frames),
        }[takes]
