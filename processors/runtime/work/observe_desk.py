"""OBSERVE's desk: pictures in, observations and dead letters out; cameras are looked at in parallel."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

import msgspec

from processors.observe.observer import CameraState
from processors.observe.resent import with_clock_set
from processors.observe.stage import ObserveStage
from processors.runtime.work.aside import Aside
from processors.runtime.work.reading import Reader
from processors.runtime.work.stands import StandStates
from processors.runtime.work.traffic import Outgoing, Place, Received
from schemas.errors import BadPictureError, OnlookerError, UndecodableError
from schemas.events import FaceObservations, FrameCaptured, StreamEnded
from schemas.frames import Frame
from schemas.metrics import Meter
from schemas.ports import EventCodec, Pixels

Decode = Callable[[bytes], Pixels]
Camera = tuple[str, str]
"""Stand and camera."""
Seen = FaceObservations | Exception | None
"""What came of a frame: an observation, trouble, or nothing because it was known."""


class _Shot(msgspec.Struct, frozen=True, kw_only=True):
    """A message with the event in it."""

    message: Received
    event: FrameCaptured


class ObserveDesk:
    """Frames of one camera are looked at in their order, different cameras at once.

    Args:
        stage: OBSERVE's fold.
        states: of the stands.
        reader: messages to events.
        aside: for those that cannot be handled.
        codec: observations to bytes.
        meter: takes the counts.
    """

    def __init__(
        self,
        stage: ObserveStage,
        states: StandStates,
        *,
        reader: Reader,
        aside: Aside,
        codec: EventCodec,
        meter: Meter,
    ) -> None:
        self._stage = stage
        self._states = states
        self._reader = reader
        self._aside = aside
        self._codec = codec
        self._meter = meter
        self._decode: Decode | None = None
        self._executor: Executor | None = None

    def looking_with(self, decode: Decode, executor: Executor) -> "ObserveDesk":
        """Hand over what turns bytes into pixels, and the threads that do the work.

        Args:
            decode: raises `BadPictureError` within its limits.
            executor: with as many threads as cameras shall be looked at in parallel.

        Returns:
            This desk.
        """
        self._decode, self._executor = decode, executor
        return self

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
        seen = await self._seen(messages, events)
        return [out for message in messages for out in self._outcome(message, events[message.place], seen)]

    def _event(self, message: Received) -> Any:
        """The event of a message, None for one that the state has in it, or why it must be set aside."""
        try:
            event = self._reader.read(message)
        except UndecodableError as error:
            return error
        if self._states.covers(event.stand_id, message.place):
            self._ignored("checkpointed")
            return None
        return event

    def _ignored(self, cause: str) -> None:
        self._meter.count("messages_ignored", topic="frames", cause=cause)

    async def _seen(self, messages: Sequence[Received], events: Mapping[Place, Any]) -> dict[Place, Seen]:
        """Look at all pictures, and note what is now known of each camera."""
        shots: dict[Camera, list[_Shot]] = {}
        for message in messages:
            event = events[message.place]
            if isinstance(event, FrameCaptured):
                camera = (event.stand_id, event.camera_id)
                shots.setdefault(camera, []).append(_Shot(message=message, event=event))
        loop = asyncio.get_running_loop()
        looks = [
            loop.run_in_executor(self._executor, self._look, self._camera(camera), taken)
            for camera, taken in shots.items()
        ]
        seen: dict[Place, Seen] = {}
        for (stand_id, camera_id), (after, found) in zip(shots, await asyncio.gather(*looks), strict=True):
            seen |= found
            if after is not None:
                last = shots[stand_id, camera_id][-1].message.place
                state = {**self._states.state(stand_id), camera_id: after}
                self._states.advance(stand_id, last, state)
        return seen

    def _camera(self, camera: Camera) -> CameraState | None:
        return self._states.state(camera[0]).get(camera[1])  # type: ignore[no-any-return]

    def _look(
        self, camera: CameraState | None, shots: Sequence[_Shot]
    ) -> tuple[CameraState | None, dict[Place, Seen]]:
        """Look at one camera's frames; runs in a thread."""
        seen: dict[Place, Seen] = {}
        for shot in shots:
            begun = with_clock_set(camera, shot.event.t_us)
            if begun is not None and begun.last_us is not None and shot.event.t_us <= begun.last_us:
                seen[shot.message.place] = None
                continue
            try:
                # Only a picture that can be read may set the clock: a bad one changes nothing.
                camera, seen[shot.message.place] = self._observed(begun, shot.event)
            except BadPictureError as error:
                seen[shot.message.place] = UndecodableError("bad_picture", f"{error.cause}: {error}")
            except OnlookerError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it was, the other frames go on
                seen[shot.message.place] = error
        return camera, seen

    def _observed(
        self, camera: CameraState | None, event: FrameCaptured
    ) -> tuple[CameraState, FaceObservations]:
        assert self._decode is not None, "the desk was not told what to look with"
        frame = Frame(
            stand_id=event.stand_id,
            camera_id=event.camera_id,
            frame_index=event.frame_index,
            t_us=event.t_us,
            picture=self._decode(event.picture),
            captured_monotonic_s=0.0,
        )
        cameras, (observation,) = self._stage.step({} if camera is None else {event.camera_id: camera}, frame)
        return cameras[event.camera_id], observation

    def _outcome(self, message: Received, event: Any, seen: Mapping[Place, Seen]) -> Sequence[Outgoing]:
        if event is None:
            return ()
        if isinstance(event, UndecodableError):
            return (self._aside.letter(message, event),)
        found = event if isinstance(event, StreamEnded) else seen[message.place]
        self._states.advance(event.stand_id, message.place, self._states.state(event.stand_id))
        if isinstance(found, UndecodableError):
            return (self._aside.letter(message, found),)
        if isinstance(found, Exception):
            return (self._aside.failed(message, found),)
        self._aside.good(message.place.topic)
        if found is None:
            self._ignored("resent")
            return ()
        return (self._outgoing(found, message),)

    def _outgoing(self, event: FaceObservations | StreamEnded, message: Received) -> Outgoing:
        return Outgoing(
            topic="observations",
            partition=message.place.partition,
            key=event.stand_id.encode(),
            value=self._codec.encode(event),
            cause=message.place,
            captured_us=message.captured_us,
        )
