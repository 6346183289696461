"""OBSERVE over captured frames: files become pixels, what was sent twice counts once."""

from collections.abc import Callable

from processors.observe.observer import Cameras, CameraState
from processors.observe.stage import ObserveStage
from schemas.errors import BadPictureError
from schemas.events import FaceObservations, FrameCaptured, StreamEnded
from schemas.frames import Frame
from schemas.ports import Pixels
from schemas.units import us_from_s

RESENT_S = 60.0
"""A frame older than the newest by less than this is sent again; by more, the camera's clock was set."""

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
        camera = _with_clock_set(camera, event.t_us)
        if camera is not None and camera.last_us is not None and event.t_us <= camera.last_us:
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
        return cameras[event.camera_id], observation


def _with_clock_set(camera: CameraState | None, t_us: int) -> CameraState | None:
    """A camera whose clock was set back begins anew; its tracks keep counting."""
    if camera is None or camera.last_us is None or t_us > camera.last_us - us_from_s(RESENT_S):
        return camera
    return CameraState(
        stand_id=camera.stand_id, camera_id=camera.camera_id, last_number=camera.last_number, cuts=camera.cuts
    )
