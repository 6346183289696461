"""Tracks: which face of this frame is which face of the frames before. Pure: boxes in, tracks out."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from processors.observe.perception.mesh import Region
from processors.vision.boxes import Box, assign, centre, distance_in_sides, moved, overlap, pair_costs
from schemas.ranges import Count, Positive, Seconds, Share
from schemas.units import US_PER_S


class TrackingOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a track begins, is kept and ends."""

    start_score: Share = 0.7
    """A detection below this continues a track but begins none."""
    start_presence: Share = 0.5
    """A new face's mesh must be at least this sure that there is a face."""
    keep_presence: Share = 0.3
    """Below this the mesh has lost the face, and the detector is asked."""
    lost_s: Seconds = 1.5
    """How long a face may stay hidden and still be the same track."""
    max_misses: Count = 3
    """So many detector runs in a row without the face end a track that only the mesh believes in."""
    reach_sides: Positive = 0.7
    """How far a face may be from where it is expected, in sides of its box."""
    reach_sides_per_s: Seconds = 1.5
    """How much that reach grows with the time since the face was last seen."""


class Track(msgspec.Struct, frozen=True, kw_only=True):
    """One face followed by one camera. No pixels, no template."""

    track_id: UUID
    number: int
    """1, 2, 3 ... within the camera, for people to read."""
    box_px: Box
    region: Region
    """Where the mesh looks for the face in the next frame."""
    first_us: int
    seen_us: int
    score: float
    samples: int = 1
    velocity_px_s: tuple[float, float] = (0.0, 0.0)
    misses: int = 0


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """A face found in this frame, by the mesh or by the detector."""

    box_px: Box
    region: Region
    score: float


def continued(track: Track, sighting: Sighting, t_us: int) -> Track:
    """The track after one more sighting."""
    return msgspec.structs.replace(
        track,
        box_px=sighting.box_px,
        region=sighting.region,
        score=sighting.score,
        seen_us=t_us,
        samples=track.samples + 1,
        velocity_px_s=_velocity(track, sighting.box_px, t_us),
    )


def _velocity(track: Track, box_px: Box, t_us: int) -> tuple[float, float]:
    """Smoothed speed of the centre: half old, half new."""
    elapsed_s = (t_us - track.seen_us) / US_PER_S
    if elapsed_s <= 0:
        return track.velocity_px_s
    (ax, ay), (bx, by) = centre(track.box_px), centre(box_px)
    vx, vy = track.velocity_px_s
    return 0.5 * vx + 0.5 * (bx - ax) / elapsed_s, 0.5 * vy + 0.5 * (by - ay) / elapsed_s


def expected_box(track: Track, t_us: int) -> Box:
    """Where the face should be by now, walking on as it did."""
    elapsed_s = max(0, t_us - track.seen_us) / US_PER_S
    return moved(track.box_px, track.velocity_px_s[0] * elapsed_s, track.velocity_px_s[1] * elapsed_s)


def match(
    tracks: Sequence[Track], boxes: Sequence[Box], t_us: int, options: TrackingOptions
) -> tuple[tuple[int, int], ...]:
    """Which track is which box: (index of track, index of box) of each pair."""
    reach = [
        options.reach_sides + options.reach_sides_per_s * (t_us - track.seen_us) / US_PER_S
        for track in tracks
    ]
    return assign(pair_costs([expected_box(track, t_us) for track in tracks], boxes, reach))


def first_double(tracks: Sequence[Track]) -> tuple[int, int] | None:
    """Two tracks that follow one face: it happens when people pass before each other.

    Returns:
        Indices of the first such pair, the longer track first; None when all follow faces of their own.
    """
    order = sorted(range(len(tracks)), key=lambda i: (-tracks[i].samples, tracks[i].number))
    for at, i in enumerate(order):
        for j in order[at + 1 :]:
            a, b = tracks[i].box_px, tracks[j].box_px
            if overlap(a, b) >= 0.5 or distance_in_sides(a, b) <= 0.3:
                return i, j
    return None


def still_hidden(tracks: Sequence[Track], t_us: int, options: TrackingOptions) -> tuple[Track, ...]:
    """The tracks not seen in this frame that may still come back: last seen at most `lost_s` ago."""
    limit_us = t_us - round(options.lost_s * US_PER_S)
    return tuple(track for track in tracks if track.seen_us >= limit_us)
