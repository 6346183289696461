"""OBSERVE as the runtimes drive it: frames of a stand to observations."""

from processors.observe.observer import Cameras, CameraState, Observer
from processors.observe.seen import observed
from schemas.events import FaceObservations
from schemas.frames import Frame
from schemas.ids import derive_id


class ObserveStage:
    """Frames of a stand to observations: one a frame, also when nobody is there."""

    def __init__(self, observer: Observer, model_version: str) -> None:
        self._observer = observer
        self._model_version = model_version

    def new_state(self, stand_id: str) -> Cameras:
        """A stand whose cameras have shown nothing yet."""
        del stand_id
        return {}

    def step(self, state: Cameras, event: Frame) -> tuple[Cameras, tuple[FaceObservations, ...]]:
        """One more frame of one of the stand's cameras; at one that is not later all tracks are cut."""
        name = event.camera_id
        camera = state.get(name) or CameraState(stand_id=event.stand_id, camera_id=name)
        if camera.last_us is not None and event.t_us <= camera.last_us:
            camera = camera.begun_anew()
        camera, faces = self._observer.step(camera, event.picture, event.t_us)
        observation = FaceObservations(
            observation_id=derive_id("observation", event.stand_id, name, event.frame_index, event.t_us),
            stand_id=event.stand_id,
            camera_id=name,
            frame_index=event.frame_index,
            t_us=event.t_us,
            width_px=event.picture.shape[1],
            height_px=event.picture.shape[0],
            faces=tuple(observed(face) for face in faces),
            model_version=self._model_version,
        )
        return {**state, name: camera}, (observation,)
