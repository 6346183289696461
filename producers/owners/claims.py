"""Who owns which stand and camera: what each process claims, and who gets it; pure."""

from collections.abc import Iterable, Mapping

import msgspec

from schemas.errors import UsageError


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What a process says when it joins; read by processes of other versions, so fields are only added."""

    name: str
    """Who it is, for people."""
    since_us: int
    """When it began to capture or to wait, us UTC by its own clock: only for the order of those who wait."""
    wants: tuple[str, ...]
    """Stands and cameras that it is configured with, as `camera_key` and the stand's id name them."""
    owns: tuple[str, ...] = ()
    """Those that are its own as long as it lives."""
    firsts_us: dict[str, int] = {}
    """First event time of stands that it owns, us UTC: where a playlist without an anchor begins."""
    asks: int = 0
    """Grows when it wants to be heard although nothing else of its claim has changed."""


class Owners(msgspec.Struct, frozen=True, kw_only=True):
    """What a process is told: who owns what, of the stands that it knows."""

    owners: dict[str, str] = {}
    """Instance that owns a stand or camera."""
    names: dict[str, str] = {}
    """All who want something of these stands, by instance, for people."""
    firsts_us: dict[str, int] = {}
    """First event time of stands, us UTC, as their owners say."""


def camera_key(stand_id: str, camera_id: str) -> str:
    """What a camera is named by in a claim; a stand is named by its id, which has no `/`."""
    return f"{stand_id}/{camera_id}"


def stand_of(key: str) -> str:
    """The stand of a camera or of the stand itself."""
    return key.partition("/")[0]


def shared_out(claims: Mapping[str, Claim]) -> dict[str, str]:
    """Give every stand and camera that anybody wants to one of those who want it.

    Who owns something keeps it: nothing is ever taken from a process that lives. What nobody owns goes to who
    has waited longest; a stand to who has most of its cameras, because its plays go before their frames.

    Args:
        claims: by instance; those who live.

    Returns:
        The owner of each, the same for the same claims in any order.
    """
    wanted = sorted(
        {key for claim in claims.values() for key in claim.wants}, key=lambda key: ("/" not in key, key)
    )
    found: dict[str, str] = {}
    for key in wanted:
        found[key] = min(
            (instance for instance, claim in claims.items() if key in claim.wants),
            key=lambda instance: _rank(instance, claims[instance], key, found),
        )
    return found


def told(claims: Mapping[str, Claim]) -> dict[str, Owners]:
    """What each process is told: the owners of the stands in its claim and of all their cameras."""
    owners = shared_out(claims)
    firsts_us = {
        stand_id: first_us
        for instance, claim in claims.items()
        for stand_id, first_us in claim.firsts_us.items()
        if owners.get(stand_id) == instance
    }
    return {instance: _told(claim, claims, owners, firsts_us) for instance, claim in claims.items()}


def encoded(value: Claim | Owners) -> bytes:
    """As it travels."""
    return msgspec.json.encode(value)


def claims_of(members: Mapping[str, bytes]) -> dict[str, Claim]:
    """The claims of all members of a group, by instance.

    Raises:
        UsageError: a member is no capture.
    """
    try:
        return {instance: msgspec.json.decode(value, type=Claim) for instance, value in members.items()}
    except msgspec.MsgspecError as error:
        raise UsageError(
            f"Something else than `onlooker capture` has joined the consumer group of capture ({error}): "
            "end it, or begin with a new `kafka.prefix`."
        ) from error


def owners_of(value: bytes) -> Owners:
    """What a process was told; nothing when nothing was.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return msgspec.json.decode(value, type=Owners) if value else Owners()
    except msgspec.MsgspecError as error:
        raise UsageError(
            f"What the consumer group of capture agreed on cannot be read ({error}): end every other program "
            "in it, or begin with a new `kafka.prefix`."
        ) from error


def _rank(instance: str, claim: Claim, key: str, found: Mapping[str, str]) -> tuple[bool, int, int, str]:
    """The smallest gets it."""
    cameras = sum(owner == instance and stand_of(other) == key for other, owner in found.items())
    return (key not in claim.owns, -cameras, claim.since_us, instance)


def _told(
    claim: Claim, claims: Mapping[str, Claim], owners: Mapping[str, str], firsts_us: Mapping[str, int]
) -> Owners:
    stands = {stand_of(key) for key in claim.wants}
    known = {key: owner for key, owner in owners.items() if stand_of(key) in stands}
    return Owners(
        owners=known,
        names={who: each.name for who, each in claims.items() if stands & set(map(stand_of, each.wants))},
        firsts_us=_of(firsts_us, stands),
    )


def _of(values: Mapping[str, int], stands: Iterable[str]) -> dict[str, int]:
    return {stand_id: values[stand_id] for stand_id in stands if stand_id in values}
