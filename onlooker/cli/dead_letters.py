"""`onlooker dead-letters`: list, show and replay the messages that were set aside."""

import contextlib
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

import click
import msgspec

from onlooker.cli.options import Given, gathered, json_option, settings_options
from onlooker.cli.output import print_json_lines
from onlooker.recordings.times import time_words
from schemas.dead_letters import is_whole
from schemas.errors import CheckFailedError, UndecodableError
from schemas.events import DeadLetter, FrameCaptured
from schemas.ports import EventCodec
from sinks.letters.stored import (
    Choice,
    counts_of,
    id_of,
    letters_of,
    note_sent,
    sent_again,
    without_bytes,
)

LINES = 32
"""Of a hexadecimal dump."""
NO_PICTURE = b"\0"
"""What a frame without a byte of a picture ends with."""
_choice = gathered(
    "choice",
    Choice,
    cause=click.option("--cause", help="Only letters of this cause, for example `truncated`."),
    topic=click.option(
        "--topic", help="Only letters of messages that came by this topic, as the broker names it."
    ),
    limit=click.option("--limit", type=click.IntRange(1, 1_000_000), default=1000, show_default=True),
)


@click.group("dead-letters")
def dead_letters() -> None:
    """Messages that could not be read or stored: what they are, why, and back to where they came from.

    \b
    Examples:
      onlooker dead-letters list
      onlooker dead-letters list --from-topic --cause unknown_schema --json
      onlooker dead-letters show 6f6e6c6f-6f6b-5e72-8a00-6f6e6c6f6f6b
      onlooker dead-letters replay --cause future --dry-run
    """


@dead_letters.command("list")
@settings_options("brokers", "database")
@_choice
@click.option("--from-topic", is_flag=True, help="Read them from Kafka instead of from ClickHouse.")
@json_option("One JSON object a letter, with its bytes.")
def list_letters(*, given: Given, choice: Choice, from_topic: bool, as_json: bool) -> None:
    """How many letters there are by topic and cause, and the newest of them."""
    from onlooker.wiring.database import opened
    from onlooker.wiring.letters import letters_on_topic
    from onlooker.wiring.schemas import build_codec

    if from_topic:
        settings = given.settings("kafka", "registry")
        codec = build_codec(settings.registry, settings.kafka.topics)
        letters = letters_on_topic(settings, codec, choice)
        many = Counter((letter.topic, letter.cause) for letter in letters)
        counts = [(topic, cause, count) for (topic, cause), count in many.most_common()]
    else:
        with opened(given.settings("clickhouse"), operator=True) as store:
            letters, counts = letters_of(store, choice), counts_of(store, choice)
    if as_json:
        print_json_lines(map(without_bytes, letters))
    else:
        _print_table(letters, counts)


@dead_letters.command()
@click.argument("letter_id")
@settings_options("brokers", "database")
@click.option("--from-topic", is_flag=True, help="Read it from Kafka instead of from ClickHouse.")
def show(letter_id: str, *, given: Given, from_topic: bool) -> None:
    """One letter: where it came from, its bytes, and what reading them says now."""
    from onlooker.wiring.database import opened
    from onlooker.wiring.letters import letters_on_topic
    from onlooker.wiring.schemas import build_codec

    choice = Choice(ids=(id_of(letter_id),))
    settings = given.settings("registry", "kafka" if from_topic else "clickhouse")
    codec = build_codec(settings.registry, settings.kafka.topics)
    if from_topic:
        found = letters_on_topic(settings, codec, choice)
    else:
        with opened(settings, operator=True) as store:
            found = letters_of(store, choice)
    if not found:
        raise CheckFailedError(f"there is no dead letter {letter_id}")
    letter = found[0]
    click.echo(f"{letter.topic} partition {letter.partition} offset {letter.offset}")
    click.echo(f"set aside by {letter.service} at {time_words(letter.failed_us)} UTC")
    click.echo(f"{letter.cause}: {letter.detail}")
    click.echo(f"key {letter.key!r}, value of {len(letter.value or b'')} bytes")
    click.echo(hexdump(letter.value or b""))
    click.echo(_read_now(letter, codec))


@dead_letters.command()
@settings_options("brokers", "database")
@_choice
@click.option("--id", "ids", multiple=True, help="Only this letter; may be said several times.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent, send nothing.")
@click.option("--again", is_flag=True, help="Also what was replayed before.")
def replay(*, given: Given, choice: Choice, ids: tuple[str, ...], dry_run: bool, again: bool) -> None:
    """Send the messages of letters to the topics they came from; each once, unless told otherwise.

    They go to the end of their topic, with the header `replayed`; what is refused again is set aside again.
    """
    from onlooker.wiring.database import opened
    from onlooker.wiring.letters import send_again

    settings = given.settings("clickhouse") if dry_run else given.settings("clickhouse", "kafka")
    choice = msgspec.structs.replace(choice, ids=tuple(map(id_of, ids)))
    with opened(settings, read_only=dry_run, operator=True) as store:
        found = sorted(
            letters_of(store, choice), key=lambda letter: (letter.topic, letter.partition, letter.offset)
        )
        before = set() if again else sent_again(store, found)
        whole = [letter for letter in found if is_whole(letter)]
        chosen = [letter for letter in whole if letter.letter_id not in before]
        if not dry_run and chosen:
            send_again(settings, chosen)
            note_sent(store, chosen, f"replay:{datetime.now(UTC).isoformat()}")
    for topic, count in sorted(Counter(letter.topic for letter in chosen).items()):
        click.echo(f"{topic}: {count} {'would be sent' if dry_run else 'sent'}")
    words = f"{len(before)} were replayed before, {len(found) - len(whole)} are not kept whole"
    click.echo(f"{len(chosen)} of {len(found)} letters; {words}", err=True)
    if len(whole) < len(found):
        click.echo(
            "No letter keeps a picture, or more than the largest message: what is not kept whole cannot be "
            "sent again. Capture its recording again.",
            err=True,
        )
    if ids and not whole and found:
        raise CheckFailedError("none of these letters can be sent again")


def _read_now(letter: DeadLetter, codec: EventCodec) -> str:
    """What a letter's message is, read by this program; of a frame what lies before its picture."""
    if not is_whole(letter) and letter.value is not None:
        with contextlib.suppress(UndecodableError):
            frame = codec.decode(letter.value + NO_PICTURE)
            if isinstance(frame, FrameCaptured):
                return f"It was {frame!r}, {frame.width_px} x {frame.height_px} px as {frame.encoding}"
        return "It is not kept whole: it cannot be read or sent again"
    try:
        return f"Read now it is {codec.decode(letter.value)!r}"
    except UndecodableError as error:
        return f"Read now it is still refused: {error.cause}: {error}"


def hexdump(data: bytes, lines: int = LINES) -> str:
    """Bytes as people read them: sixteen a line, hexadecimal and as text, at most so many lines.

    Returns:
        The lines; one more says how much was left out.
    """
    found = []
    for start in range(0, min(len(data), 16 * lines), 16):
        part = data[start : start + 16]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        found.append(f"{start:08x}  {part.hex(' '):<47}  {text}")
    if len(data) > 16 * lines:
        found.append(f"... {len(data) - 16 * lines} more bytes")
    return "\n".join(found)


def _print_table(letters: Sequence[DeadLetter], counts: Sequence[tuple[str, str, int]]) -> None:
    from rich.table import Table

    from onlooker.foreground.terminal import Terminal

    console = Terminal(plain_width=200)
    summary = Table("topic", "cause", "letters")
    for topic, cause, count in counts:
        summary.add_row(topic, cause, str(count))
    console.print(summary)
    newest = Table("id", "set aside at (UTC)", "by", "place", "cause", "detail")
    for letter in letters[:20]:
        place = f"{letter.topic}:{letter.partition}:{letter.offset}"
        newest.add_row(
            str(letter.letter_id),
            time_words(letter.failed_us),
            letter.service,
            place,
            letter.cause,
            letter.detail,
        )
    console.print(newest)
