"""OBSERVE over recorded frames: pictures as files become pixels, and what was sent twice counts once."""

from collections.abc import Callable

import msgspec

from processors.observe import CameraState
from processors.observe_desk import RESENT_S
from processors.stages import Cameras, ObserveStage
from schemas.errors import BadPictureError
from schemas.events import FaceObservations, FrameCaptured, StreamEnded
from schemas.frames import Frame
from schemas.ports import Pixels
from schemas.units import us_from_s


class RecordedFrames:
    """A fold like the one of a worker: frames to observations, the end of a stream passed on.

    Args:
        stage: OBSERVE.
        decode: a picture file to pixels; raises `BadPictureError`.
    """

    def __init__(self, stage: ObserveStage, decode: Callable[[bytes], Pixels]) -> None:
        self._stage = stage
        self._decode = decode
        self.bad_pictures = 0

    def new_state(self, stand_id: str) -> Cameras:
        """A stand whose cameras have shown nothing yet."""
        return self._stage.new_state(stand_id)

    def step(
        self, state: Cameras, event: FrameCaptured | StreamEnded
    ) -> tuple[Cameras, tuple[FaceObservations | StreamEnded, ...]]:
        """One more frame of one of the stand's cameras, or their end.

        Args:
            state: the state of each camera so far.
            event: the frame.

        Returns:
            The new states and what follows; of a frame that is known or damaged, nothing.
        """
        if isinstance(event, StreamEnded):
            return state, (event,)
        name = event.camera_id
        camera = _with_clock_set(state.get(name), event.t_us)
        if camera is not None and camera.last_us is not None and event.t_us <= camera.last_us:
            return state, ()
        try:
            picture = self._decode(event.picture)
        except BadPictureError:
            self.bad_pictures += 1
            return state, ()
        frame = Frame(
            stand_id=event.stand_id,
            camera_id=name,
            frame_index=event.frame_index,
            t_us=event.t_us,
            picture=picture,
            captured_monotonic_s=0.0,
        )
        return self._stage.step(state if camera is None else {**state, name: camera}, frame)


def _with_clock_set(camera: CameraState | None, t_us: int) -> CameraState | None:
    """A camera whose clock was set back begins anew; its tracks keep counting."""
    if camera is None or camera.last_us is None or t_us > camera.last_us - us_from_s(RESENT_S):
        return camera
    return msgspec.structs.replace(
        CameraState(stand_id=camera.stand_id, camera_id=camera.camera_id),
        last_number=camera.last_number,
        cuts=camera.cuts,
    )
