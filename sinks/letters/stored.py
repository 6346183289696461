"""Dead letters in the database: asked for by id, cause and topic; which of them were sent again."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from schemas.errors import UsageError
from schemas.events import DeadLetter
from schemas.ports import RowStore
from schemas.units import US_PER_S

REPLAYS = "dead_letter_replays"
_COLUMNS = (
    "letter_id, service, cause, detail, topic, partition, offset, toUnixTimestamp64Micro(failed_at), "
    "hex(key), hex(value)"
)


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Which letters are meant; what is None chooses all."""

    ids: tuple[UUID, ...] = ()
    cause: str | None = None
    topic: str | None = None
    since: datetime | None = None
    limit: int = 1000

    @property
    def condition(self) -> tuple[str, dict[str, Any]]:
        """As SQL, and the values in it."""
        parts, values = ["1"], dict[str, Any]()
        if self.ids:
            parts.append("letter_id IN {ids:Array(UUID)}")
            values["ids"] = [str(each) for each in self.ids]
        if self.cause is not None:
            parts.append("cause = {cause:String}")
            values["cause"] = self.cause
        if self.topic is not None:
            parts.append("topic = {topic:String}")
            values["topic"] = self.topic
        if self.since is not None:
            parts.append("failed_at >= fromUnixTimestamp64Micro({since:Int64}, 'UTC')")
            values["since"] = int(self.since.timestamp() * US_PER_S)
        return " AND ".join(parts), values

    def takes(self, letter: DeadLetter) -> bool:
        """Whether a letter from the topic is meant."""
        return (
            (not self.ids or letter.letter_id in self.ids)
            and self.cause in (None, letter.cause)
            and self.topic in (None, letter.topic)
            and (self.since is None or letter.failed_us >= self.since.timestamp() * US_PER_S)
        )


def letters_of(store: RowStore, choice: Choice) -> list[DeadLetter]:
    """The letters that are meant, newest first, with their bytes; at most `choice.limit`."""
    condition, values = choice.condition
    rows = store.rows(
        f"SELECT {_COLUMNS} FROM v_dead_letters WHERE {condition} "  # noqa: S608 - names of ours
        "ORDER BY failed_at DESC, letter_id LIMIT {limit:UInt32}",
        {**values, "limit": choice.limit},
    )
    return [_letter(row) for row in rows]


def counts_of(store: RowStore, choice: Choice) -> list[tuple[str, str, int]]:
    """How many letters there are: topic, cause and number, most first."""
    condition, values = choice.condition
    rows = store.rows(
        f"SELECT topic, cause, count() FROM v_dead_letters WHERE {condition} "  # noqa: S608 - names of ours
        "GROUP BY topic, cause ORDER BY count() DESC, topic, cause",
        values,
    )
    return [(str(topic), str(cause), int(count)) for topic, cause, count in rows]


def sent_again(store: RowStore, letters: Sequence[DeadLetter]) -> set[UUID]:
    """The ids of those letters whose message was sent again before."""
    ids = [str(letter.letter_id) for letter in letters]
    sql = f"SELECT DISTINCT letter_id FROM {REPLAYS} WHERE letter_id IN {{ids:Array(UUID)}}"  # noqa: S608
    return {found for (found,) in store.rows(sql, {"ids": ids})} if ids else set()


def note_sent(store: RowStore, letters: Sequence[DeadLetter], token: str) -> None:
    """Write down, under a token for this act, that the messages of letters were sent again."""
    store.insert(REPLAYS, {"letter_id": [letter.letter_id for letter in letters]}, token)


def id_of(text: str) -> UUID:
    """The id of a letter that somebody has typed.

    Raises:
        UsageError: it is none.
    """
    try:
        return UUID(text)
    except ValueError as error:
        raise UsageError(
            f"{text!r} is not the id of a dead letter: see `onlooker dead-letters list`"
        ) from error


def without_bytes(letter: DeadLetter) -> Mapping[str, Any]:
    """The fields of a letter as JSON shows them; the bytes as hexadecimal digits."""
    fields = msgspec.structs.asdict(letter)
    hexed = {name: None if fields[name] is None else fields[name].hex() for name in ("key", "value")}
    return {**fields, "letter_id": str(letter.letter_id), **hexed}


def _letter(row: Sequence[Any]) -> DeadLetter:
    names = ("letter_id", "service", "cause", "detail", "topic", "partition", "offset", "failed_us")
    key, value = (None if text is None else bytes.fromhex(text) for text in row[8:10])
    return DeadLetter(**dict(zip(names, row[:8], strict=True)), key=key, value=value)
