"""OBSERVE over recorded frames: pictures as files become pixels, and what was sent twice counts once."""

from collections.abc import Callable

from processors.observe.resent import with_clock_set
from processors.observe.stage import Cameras, ObserveStage
from schemas.errors import BadPictureError
from schemas.events import FaceObservations, FrameCaptured, StreamEnded
from schemas.frames import Frame
from schemas.ports import Pixels


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
        camera = with_clock_set(state.get(name), event.t_us)
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
