"""Who owns a stand: shared out to one each, believed for a while, never taken from the living."""

import random
import threading
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.owners.claims import (
    Claim,
    Owners,
    camera_key,
    claims_of,
    encoded,
    owners_of,
    shared_out,
    told,
)
from producers.owners.group import EvictedError, RebalancingError
from producers.owners.keeper import Keeper
from schemas.clocks import Clocks
from schemas.errors import BrokerAwayError, UsageError

KEYS = ["door", "door/left", "door/right", "hall", "hall/left"]
SESSION_S = 10.0


def claim(wants: list[str], *, since_us: int = 0, owns: list[str] | None = None, **more: object) -> Claim:
    return Claim(name="box", since_us=since_us, wants=tuple(wants), owns=tuple(owns or ()), **more)  # type: ignore[arg-type]


CLAIMS = st.dictionaries(
    st.sampled_from("abcdef"),
    st.builds(
        claim,
        st.lists(st.sampled_from(KEYS), unique=True),
        since_us=st.integers(0, 3),
        owns=st.lists(st.sampled_from(KEYS), unique=True),
    ),
)


@given(CLAIMS)
def test_everything_that_is_wanted_has_one_owner_who_wants_it(claims: dict[str, Claim]) -> None:
    found = shared_out(claims)
    assert set(found) == {key for each in claims.values() for key in each.wants}
    assert all(key in claims[owner].wants for key, owner in found.items())


@given(CLAIMS, st.randoms())
def test_the_order_in_which_they_came_does_not_matter(
    claims: dict[str, Claim], chance: random.Random
) -> None:
    items = list(claims.items())
    chance.shuffle(items)
    assert shared_out(dict(items)) == shared_out(claims)


@given(CLAIMS, CLAIMS, st.sets(st.sampled_from("abcdef")))
def test_who_owns_something_keeps_it_whoever_comes_and_goes(
    before: dict[str, Claim], more: dict[str, Claim], gone: set[str]
) -> None:
    shared = shared_out(before)
    stays = {
        instance: claim(
            list(each.wants), since_us=each.since_us, owns=[k for k, o in shared.items() if o == instance]
        )
        for instance, each in before.items()
        if instance not in gone
    }
    comes = {f"new {name}": claim(list(each.wants), since_us=each.since_us) for name, each in more.items()}
    after = shared_out({**stays, **comes})
    assert all(after[key] == owner for key, owner in shared.items() if owner not in gone)


def test_who_has_waited_longest_gets_what_nobody_owns() -> None:
    claims = {"a": claim(["door"], since_us=2), "b": claim(["door"], since_us=1)}
    assert shared_out(claims) == {"door": "b"}


def test_a_stand_goes_to_who_has_most_of_its_cameras() -> None:
    claims = {
        "a": claim(["door", "door/left"], owns=["door/left"], since_us=1),
        "b": claim(["door", "door/right", "door/top"], owns=["door/right", "door/top"], since_us=2),
    }
    assert shared_out(claims)["door"] == "b"


def test_everybody_is_told_of_the_stands_that_he_knows_and_when_they_began() -> None:
    claims = {
        "a": claim(["door", "door/left"], owns=["door", "door/left"], firsts_us={"door": 7}),
        "b": claim(["door", "door/right"], since_us=1, firsts_us={"door": 9}),
        "c": claim(["hall"]),
    }
    found = told(claims_of({name: encoded(each) for name, each in claims.items()}))
    assert found["b"].owners == {"door": "a", "door/left": "a", "door/right": "b"}
    assert set(found["b"].names) == {"a", "b"}
    assert found["b"].firsts_us == {"door": 7}, "as its owner says"
    assert found["c"] == Owners(owners={"hall": "c"}, names={"c": "box"})
    assert owners_of(encoded(found["b"])) == found["b"]
    assert camera_key("door", "left") == "door/left"


def test_what_is_no_claim_is_said_with_its_mend() -> None:
    with pytest.raises(UsageError, match=r"kafka\.prefix"):
        claims_of({"a": b"\x00range"})
    with pytest.raises(UsageError, match=r"kafka\.prefix"):
        owners_of(b"\x00")


class Coordinator:
    """A group with this member and others of whom only their claims are known."""

    def __init__(self) -> None:
        self.others: dict[str, Claim] = {}
        self.errors: list[Exception] = []
        self.joins = 0
        self.left = False
        self.beaten = threading.Event()

    def join(self, claim: bytes) -> dict[str, bytes] | None:
        self.joins += 1
        return {"me": claim, **{name: encoded(each) for name, each in self.others.items()}}

    def sync(self, told: Mapping[str, bytes]) -> bytes:
        return told["me"]

    def heartbeat(self) -> None:
        self.beaten.set()
        if self.errors:
            raise self.errors.pop(0)

    def leave(self) -> None:
        self.left = True

    def close(self) -> None:
        pass


class Kept:
    """A keeper whose rounds a test turns by hand."""

    def __init__(self, coordinator: Coordinator) -> None:
        self.now_s = 100.0
        self.group = coordinator
        self.keeper = Keeper(
            lambda: coordinator,
            instance="me",
            name="box-1",
            wants=["door", "door/left"],
            session_s=SESSION_S,
            clocks=Clocks(now_us=lambda: 5, boot_s=lambda: self.now_s),
        )

    def turn(self, rounds: int = 1) -> None:
        for _ in range(rounds):
            self.keeper.turn()


@pytest.fixture
def kept() -> Kept:
    return Kept(Coordinator())


def test_nothing_is_owned_before_the_group_says_so(kept: Kept) -> None:
    gate = kept.keeper.gate()
    assert kept.keeper.owns("door") is None
    assert not gate()
    kept.turn()
    assert kept.keeper.owns("door") is True
    assert gate()


def test_what_is_owned_is_believed_for_less_than_a_session_after_a_sign_of_life(kept: Kept) -> None:
    kept.turn()
    kept.now_s += SESSION_S - 1
    assert kept.keeper.owns("door") is None, "nobody knows"
    kept.turn()
    assert kept.keeper.owns("door") is True
    kept.now_s += SESSION_S / 2
    kept.group.errors = [BrokerAwayError("away")]
    kept.turn()
    assert kept.keeper.owns("door") is True
    assert kept.keeper.problem == "away"
    kept.now_s += SESSION_S / 2
    assert kept.keeper.owns("door") is None
    kept.turn()
    assert kept.keeper.owns("door") is True
    assert [kept.keeper.problem] == [None]
    assert kept.keeper.losses == 0, "the brokers were away, and nobody else got it"


def test_another_that_joins_changes_nothing_for_who_owns(kept: Kept) -> None:
    kept.turn()
    gate = kept.keeper.gate()
    kept.group.others = {"other": claim(["door", "door/left", "door/right"], since_us=1)}
    kept.group.errors = [RebalancingError()]
    kept.turn()
    assert gate(), "frames go on while everybody joins anew"
    kept.turn()
    assert gate()
    assert kept.keeper.owns("door") is True
    assert kept.keeper.owns("door/right") is False
    assert kept.keeper.others_own_of("door")


def test_who_was_given_up_sends_nothing_more_of_what_another_has_got(kept: Kept) -> None:
    kept.turn()
    gate = kept.keeper.gate()
    kept.now_s += 3 * SESSION_S
    assert not gate()
    kept.group.others = {"other": claim(["door", "door/left"], owns=["door", "door/left"], since_us=9)}
    kept.group.errors = [EvictedError()]
    kept.turn(2)
    assert kept.keeper.owns("door") is False
    assert kept.keeper.owner("door") == "box"
    assert kept.keeper.losses == 1
    kept.group.others = {}
    kept.group.errors = [RebalancingError()]
    kept.turn(2)
    assert kept.keeper.owns("door") is True
    assert not gate(), "what was handed over before then is not sent"
    assert kept.keeper.gate()()


def test_who_was_given_up_and_finds_nobody_goes_on(kept: Kept) -> None:
    kept.turn()
    gate = kept.keeper.gate()
    kept.group.errors = [EvictedError()]
    kept.turn()
    assert not gate(), "nothing is sent before that is known"
    kept.turn()
    assert gate()


def test_others_hear_when_a_stand_began_and_know_it_after_its_owner_has_gone(kept: Kept) -> None:
    kept.group.others = {
        "other": claim(["door", "door/left"], owns=["door", "door/left"], firsts_us={"door": 77})
    }
    kept.turn()
    kept.group.others = {"third": claim(["door"], since_us=99)}
    kept.group.errors = [RebalancingError()]
    kept.turn(2)
    assert kept.keeper.owns("door") is True
    assert kept.keeper.first_us("door") == 77
    joins = kept.group.joins
    kept.keeper.begun("door", 77)
    kept.turn()
    assert kept.group.joins == joins + 1, "the third is told"
    kept.keeper.begun("door", 77)
    kept.turn()
    assert kept.group.joins == joins + 1, "once"


def test_an_earlier_process_that_wanted_other_cameras_is_forgotten(kept: Kept) -> None:
    kept.group.sync = lambda told: encoded(  # type: ignore[method-assign]
        Owners(owners={"door": "me", "door/left": "me", "door/old": "me"}, names={"me": "box-1"})
        if kept.group.joins == 1
        else owners_of(told["me"])
    )
    kept.turn()
    assert kept.keeper.owns("door") is None
    kept.turn()
    assert kept.keeper.owns("door") is True
    assert kept.keeper.owns("door/old") is None


def test_a_refusal_is_kept_for_who_asks_and_the_end_leaves_the_group(kept: Kept) -> None:
    kept.turn()
    kept.group.errors = [UsageError("no right")]
    kept.keeper.start()
    _within(lambda: kept.keeper.refusal is not None)
    assert str(kept.keeper.refusal) == "no right"
    kept.keeper.close()
    assert kept.group.left
    assert not kept.keeper.holds


def _within(condition: Callable[[], bool]) -> None:
    waited = threading.Event()
    for _ in range(200):
        if condition():
            return
        waited.wait(0.05)
    pytest.fail("not within ten seconds")
