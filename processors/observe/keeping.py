"""What is kept of OBSERVE's cameras: tracks, traits and identities, but no template, no vote and no picture.

Many similarities with a known gallery would tell about a template, so that votes begin anew after a restart.
"""

from uuid import UUID

import msgspec

from processors.gaze import Gaze
from processors.observe.describe import Described
from processors.observe.identity import Match
from processors.observe.observer import Cameras, CameraState
from processors.observe.tracking import Track
from processors.observe.traits import Traits
from schemas.errors import UsageError
from schemas.stretches import Stretches

CAMERAS_VERSION = 1
"""Raised when the shape or the meaning of what is kept changes."""


class KeptTrack(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a track's description."""

    track_id: UUID
    traits: Traits
    gaze: Gaze
    match: Match | None


class KeptCamera(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of one camera."""

    stand_id: str
    camera_id: str
    active: tuple[Track, ...]
    hidden: tuple[Track, ...]
    described: tuple[KeptTrack, ...]
    last_number: int
    detected_us: int | None
    cuts: int
    last_us: int | None
    stretches: Stretches = ()


class KeptCameras(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a stand."""

    cameras_version: int = CAMERAS_VERSION
    cameras: tuple[KeptCamera, ...]


class _Versioned(msgspec.Struct):
    cameras_version: int


class CameraKeeper:
    """Turns the cameras of a stand into bytes and back."""

    def kept(self, state: Cameras) -> bytes:
        """The cameras as bytes, to go on from after a restart.

        Returns:
            MessagePack without anything that tells who a stranger is.
        """
        return msgspec.msgpack.encode(KeptCameras(cameras=tuple(map(_kept_camera, state.values()))))

    def restored(self, kept: bytes) -> dict[str, CameraState]:
        """The cameras that go on from there.

        Returns:
            Cameras by id; their tracks have no template, and identities hold until a vote names another.

        Raises:
            UsageError: the bytes are damaged, or of another version.
        """
        try:
            version = msgspec.msgpack.decode(kept, type=_Versioned).cameras_version
            if version == CAMERAS_VERSION:
                cameras = msgspec.msgpack.decode(kept, type=KeptCameras).cameras
                return {camera.camera_id: _camera(camera) for camera in cameras}
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UsageError(
                f"A checkpoint of OBSERVE is damaged ({error}); remove it to begin anew."
            ) from error
        raise UsageError(
            f"A checkpoint of OBSERVE has version {version}, this program needs {CAMERAS_VERSION}: "
            "let the program that wrote it end its streams, then remove it."
        )


def _kept_camera(camera: CameraState) -> KeptCamera:
    described = tuple(
        KeptTrack(track_id=track_id, traits=known.traits, gaze=known.gaze, match=known.match)
        for track_id, known in camera.described.items()
    )
    fields = {name: getattr(camera, name) for name in KeptCamera.__struct_fields__}
    return KeptCamera(**{**fields, "described": described})


def _camera(kept: KeptCamera) -> CameraState:
    described = {
        each.track_id: Described(traits=each.traits, gaze=each.gaze, match=each.match, resumed=True)
        for each in kept.described
    }
    return CameraState(**{**msgspec.structs.asdict(kept), "described": described})
