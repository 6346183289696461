"""OBSERVE over captured frames: files become pixels, what was sent twice counts once."""

from collections.abc import Callable

import msgspec

from processors.observe.observer import Cameras, CameraState
from processors.observe.stage import ObserveStage
from schemas.errors import BadPictureError
from schemas.events import FaceObservations, FrameCaptured, StreamEnded
from schemas.frames import Frame
from schemas.ports import Pixels
from schemas.stretches import course_of, extended

Decode = Callable[[bytes], Pixels]
"""A picture file to pixels; raises `BadPictureError` within its limits."""


class CapturedFrames:
    """A fold over the frames that capture published, and the end of a stream, which is passed on."""

    def __init__(self, stage: ObserveStage, decode: Decode) -> None:
        self._stage = stage
        self._decode = decode
        self.bad_pictures = 0
        """That `step` passed over."""

    def new_state(self, stand_id: str) -> Cameras:
        """A stand whose cameras have shown nothing yet."""
        return self._stage.new_state(stand_id)

    def step(
        self, state: Cameras, event: FrameCaptured | StreamEnded
    ) -> tuple[Cameras, tuple[FaceObservations | StreamEnded, ...]]:
        """One more frame of one of the stand's cameras, or their end.

        Returns:
            The new states and what follows; of a frame that is known or damaged, nothing.
        """
        if isinstance(event, StreamEnded):
            return state, (event,)
        try:
            seen = self.look(state.get(event.camera_id), event)
        except BadPictureError:
            self.bad_pictures += 1
            return state, ()
        if seen is None:
            return state, ()
        camera, observation = seen
        return {**state, event.camera_id: camera}, (observation,)

    def look(
        self, camera: CameraState | None, event: FrameCaptured
    ) -> tuple[CameraState, FaceObservations] | None:
        """One more frame of one camera.

        Args:
            camera: its state so far, None when it has shown nothing yet.
            event: the frame.

        Returns:
            The new state and the observation of the frame; None of a frame that is known.

        Raises:
            BadPictureError: it cannot be read. It changes nothing, and sets no camera's clock back.
        """
        stretches = () if camera is None else camera.stretches
        if course_of(stretches, event.frame_index, event.t_us) == "known":
            return None
        frame = Frame(
            stand_id=event.stand_id,
            camera_id=event.camera_id,
            frame_index=event.frame_index,
            t_us=event.t_us,
            picture=self._decode(event.picture),
            captured_monotonic_s=0.0,
        )
        cameras, (observation,) = self._stage.step({} if camera is None else {event.camera_id: camera}, frame)
        after = extended(stretches, event.frame_index, event.t_us)
        return msgspec.structs.replace(cameras[event.camera_id], stretches=after), observation
