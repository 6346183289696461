"""OBSERVE's desk: pictures in, observations and dead letters out; cameras are looked at in parallel."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

from processors.observe.captured import CapturedFrames
from processors.observe.observer import CameraState
from processors.runtime.work.stands import StandStates
from processors.runtime.work.tools import DeskTools
from processors.runtime.work.traffic import Outgoing, Place, Received
from schemas.errors import BadPictureError, OnlookerError, UndecodableError
from schemas.events import FaceObservations, FrameCaptured, StreamEnded

Camera = tuple[str, str]
"""Stand and camera."""
Seen = FaceObservations | Exception | None
"""What came of a frame: an observation, trouble, or nothing because it was known."""


class ObserveDesk:
    """Frames of one camera are looked at in their order, different cameras at once.

    Args:
        frames: OBSERVE over captured frames.
        states: of the stands.
        tools: reads, sets aside, and sends on.
        executor: with as many threads as cameras shall be looked at in parallel.
    """

    def __init__(
        self, frames: CapturedFrames, states: StandStates, tools: DeskTools, *, executor: Executor
    ) -> None:
        self._frames = frames
        self._tools = tools
        self._executor = executor
        self.states = states

    async def handle(self, messages: Sequence[Received]) -> list[Outgoing]:
        """Handle messages.

        Args:
            messages: of any cameras, in order for each partition.

        Returns:
            What follows from them, in the messages' order.

        Raises:
            LimitReachedError: too many messages are bad.
            UsageError: a checkpoint is of another version.
        """
        events = {message.place: self._event(message) for message in messages}
        seen = await self._seen(events)
        return [out for message in messages for out in self._outcome(message, events[message.place], seen)]

    def forget(self) -> None:
        """Other workers may have the stands now."""
        self.states.forget()
        self._tools.aside.forget()

    def _event(self, message: Received) -> Any:
        """The event of a message, None for one that the state has in it, or why it must be set aside."""
        try:
            event = self._tools.event_in(message)
        except UndecodableError as error:
            return error
        if self.states.covers(event.stand_id, message.place):
            self._tools.ignored(message, "checkpointed")
            return None
        return event

    async def _seen(self, events: Mapping[Place, Any]) -> dict[Place, Seen]:
        """Look at all pictures, and note what is now known of each camera."""
        shots: dict[Camera, dict[Place, FrameCaptured]] = {}
        for place, event in events.items():
            if isinstance(event, FrameCaptured):
                shots.setdefault((event.stand_id, event.camera_id), {})[place] = event
        loop = asyncio.get_running_loop()
        looks = [
            loop.run_in_executor(self._executor, self._look, self._camera(camera), taken)
            for camera, taken in shots.items()
        ]
        seen: dict[Place, Seen] = {}
        for (stand_id, camera_id), (after, found) in zip(shots, await asyncio.gather(*looks), strict=True):
            seen |= found
            if after is not None:
                last = next(reversed(shots[stand_id, camera_id]))
                state = {**self.states.state(stand_id), camera_id: after}
                self.states.advance(stand_id, last, state)
        return seen

    def _camera(self, camera: Camera) -> CameraState | None:
        return self.states.state(camera[0]).get(camera[1])  # type: ignore[no-any-return]

    def _look(
        self, camera: CameraState | None, shots: Mapping[Place, FrameCaptured]
    ) -> tuple[CameraState | None, dict[Place, Seen]]:
        """Look at one camera's frames; runs in a thread."""
        seen: dict[Place, Seen] = {}
        for place, event in shots.items():
            try:
                found = self._frames.look(camera, event)
            except BadPictureError as error:
                seen[place] = UndecodableError("bad_picture", f"{error.cause}: {error}")
            except OnlookerError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it was, the other frames go on
                seen[place] = error
            else:
                camera, seen[place] = (camera, None) if found is None else found
        return camera, seen

    def _outcome(self, message: Received, event: Any, seen: Mapping[Place, Seen]) -> Sequence[Outgoing]:
        if event is None:
            return ()
        aside, place = self._tools.aside, message.place
        if isinstance(event, UndecodableError):
            return (aside.letter(message, event),)
        found = event if isinstance(event, StreamEnded) else seen[place]
        self.states.advance(event.stand_id, place, self.states.state(event.stand_id))
        if isinstance(found, UndecodableError):
            return (aside.letter(message, found),)
        if isinstance(found, Exception):
            return (aside.failed(message, found),)
        aside.good(message)
        if found is None:
            self._tools.ignored(message, "resent")
            return ()
        self._tools.pulse.changed(place.topic)
        return (self._tools.outgoing(found, message, event.stand_id),)
