"""Dead letters: their bytes and ids, and when there are too many of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.bounds import LETTER_BYTES
from schemas.dead_letters import MOST_KEPT_BYTES, DeadLetterLimit, DeadLetterOptions, letter_of
from schemas.errors import LimitReachedError, UndecodableError
from schemas.events import DeadLetter
from schemas.wire.codec import AvroCodec
from schemas.wire.registry import FileRegistry
from tests.event_samples import T_US

CODEC = AvroCodec(FileRegistry())


def letter(
    value: bytes | None = b"x",
    *,
    cause: str = "truncated",
    detail: str = "It ends too early.",
    offset: int = 7,
    incarnation: str = "one",
) -> DeadLetter:
    return letter_of(
        UndecodableError(cause, detail),
        service="sink",
        topic="site.visits.v1",
        partition=3,
        offset=offset,
        incarnation=incarnation,
        key=b"stand-1",
        value=value,
        now_us=T_US,
    )


def taken(limit: DeadLetterLimit, course: str, cause: str = "truncated") -> int:
    """How many of a course (`.` good, `x` bad) pass before the limit stops it."""
    for number, kind in enumerate(course):
        try:
            if kind == ".":
                limit.good()
            else:
                limit.bad(letter(cause=cause))
        except LimitReachedError:
            return number
    return len(course)


def test_so_many_in_a_row_pass_and_the_next_one_stops() -> None:
    limit = DeadLetterLimit(DeadLetterOptions(max_consecutive=3, max_share=1))
    assert taken(limit, "xxx.xxx.xxxx") == 11


def test_before_a_window_is_full_the_share_is_not_looked_at() -> None:
    options = DeadLetterOptions(max_consecutive=100, max_share=0.5, window=10)
    assert taken(DeadLetterLimit(options), "xxxxxx") == 6
    assert taken(DeadLetterLimit(options), "xxxxxx....x") == 10, "7 of 10 are bad when the eleventh has come"


def test_half_of_a_window_may_be_bad_and_no_more() -> None:
    options = DeadLetterOptions(max_consecutive=100, max_share=0.5, window=10)
    assert taken(DeadLetterLimit(options), ".x" * 500) == 1000
    assert taken(DeadLetterLimit(options), ".x" * 500 + "x") == 1000


def test_what_is_old_is_forgotten() -> None:
    options = DeadLetterOptions(max_consecutive=100, max_share=0.5, window=4)
    assert taken(DeadLetterLimit(options), "xx.." * 100) == 400


@given(st.text(alphabet=".x", max_size=60), st.integers(1, 8), st.integers(1, 12), st.floats(0, 1))
def test_the_limit_agrees_with_counting_everything_anew(
    course: str, in_a_row: int, window: int, share: float
) -> None:
    def too_many(so_far: str) -> bool:
        if so_far.endswith("x" * (in_a_row + 1)):
            return True
        recent = so_far[-window:]
        return so_far.endswith("x") and len(recent) == window and recent.count("x") > share * window

    expected = next((n for n in range(len(course)) if too_many(course[: n + 1])), len(course))
    options = DeadLetterOptions(max_consecutive=in_a_row, max_share=share, window=window)
    assert taken(DeadLetterLimit(options), course) == expected


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        ("unknown_schema", "registry.url"),
        ("not_framed", "kafka.prefix"),
        ("wrong_type", "kafka.prefix"),
        ("future", "clock"),
        ("bad_picture", "camera"),
        ("failed", "this program has a fault"),
        ("anything", "onlooker schemas list"),
    ],
)
def test_the_words_name_what_is_likely_wrong(cause: str, words: str) -> None:
    limit = DeadLetterLimit(DeadLetterOptions(max_consecutive=1))
    limit.bad(letter(cause=cause))
    with pytest.raises(LimitReachedError, match=words) as caught:
        limit.bad(letter(cause=cause))
    assert "site.visits.v1" in str(caught.value)
    assert f"`{cause}`" in str(caught.value)
    assert caught.value.exit_code == 4


def test_the_same_message_gives_the_same_letter_id() -> None:
    assert letter().letter_id == letter(b"y", cause="empty").letter_id
    assert letter().letter_id != letter(offset=8).letter_id


@pytest.mark.parametrize("value", [None, b"", b"\x00\xff", bytes(MOST_KEPT_BYTES)])
def test_the_bytes_are_kept_whole(value: bytes | None) -> None:
    found = CODEC.decode(CODEC.encode(letter(value)))
    assert found == letter(value)
    assert found.value == value


def test_a_longer_value_is_cut_and_the_letter_says_so() -> None:
    found = letter(b"a" + bytes(MOST_KEPT_BYTES))
    assert found.value == b"a" + bytes(MOST_KEPT_BYTES - 1)
    assert f"of {MOST_KEPT_BYTES + 1} bytes" in found.detail


@pytest.mark.parametrize("detail", ["\ud800 lone", "x" * 10_000, "a\x00b", "Zoë"])
def test_whatever_an_error_says_the_letter_can_be_sent(detail: str) -> None:
    sent = letter(detail=detail)
    assert CODEC.decode(CODEC.encode(sent)) == sent


def test_the_same_place_in_a_topic_made_anew_is_another_letter() -> None:
    assert letter(incarnation="one").letter_id == letter(incarnation="one").letter_id
    assert letter(incarnation="one").letter_id != letter(incarnation="two").letter_id


def test_the_largest_letter_passes_the_topic() -> None:
    error = UndecodableError("wrong_type", "\U0001f600" * 10_000)
    largest = letter_of(
        error,
        service="s" * 300,
        topic="t" * 249,
        partition=2**31 - 1,
        offset=2**63 - 1,
        incarnation="i" * 64,
        key=bytes(10**6),
        value=bytes(10**7),
        now_us=T_US,
    )
    message = CODEC.encode(largest)
    assert len(message) <= LETTER_BYTES
    assert CODEC.decode(message) == largest


def test_the_key_of_a_letter_is_not_its_value() -> None:
    assert letter().key == b"stand-1"
