"""Logs: sentences for people, JSON for machines, no secrets, no floods."""

import io
import json
import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlooker.telemetry.flood import Flood, FloodOptions
from onlooker.telemetry.logs import OWN, LogFormat, logging_to
from onlooker.telemetry.redaction import LONGEST, Redaction

OURS = logging.getLogger("sinks.service.consumer")
THEIRS = logging.getLogger("kafka.conn")


@pytest.fixture(autouse=True)
def libraries_as_they_come() -> Iterator[None]:
    """A consumer that ran in this process before has told its library to be silent."""
    library = logging.getLogger("kafka")
    before = library.level
    library.setLevel(logging.NOTSET)
    yield
    library.setLevel(before)


@contextmanager
def told(log_format: LogFormat, *secrets: str) -> Iterator[io.StringIO]:
    stream = io.StringIO()
    with logging_to(stream, service="sink", log_format=log_format, redaction=Redaction(secrets)):
        yield stream


def test_people_read_a_sentence_with_its_figures() -> None:
    with told("text") as stream:
        OURS.info("wrote %d rows", 7, extra={"table": "visits"})
    time, level, service, words = stream.getvalue().rstrip().split(maxsplit=3)
    assert time.endswith("Z")
    assert (level, service, words) == ("INFO", "sink", "wrote 7 rows table=visits")


def test_machines_read_json_lines() -> None:
    with told("json") as stream:
        OURS.warning("wrote %d rows", 7, extra={"table": "visits", "rows": 7})
        try:
            int("x")
        except ValueError:
            OURS.exception("no such thing")
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert {name: first[name] for name in ("level", "service", "logger", "message", "extras")} == {
        "level": "warning",
        "service": "sink",
        "logger": "sinks.service.consumer",
        "message": "wrote 7 rows",
        "extras": {"table": "visits", "rows": 7},
    }
    assert first["ts"].endswith("Z")
    assert "ValueError: invalid literal" in second["exception"]
    assert second["level"] == "error"


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_secret_is_in_no_part_of_a_line(log_format: LogFormat) -> None:
    with told(log_format, "hunt'er2!") as stream:
        OURS.info("as hunt'er2! to %s", "rtsp://u:open5esame@camera/1", extra={"password": "hunt'er2!"})
        OURS.info("asked with %s", {"sasl_plain_password": "l3tmein", "user": "ann"})
        try:
            int("hunt'er2! at clickhouse://u:open5esame@h/db")
        except ValueError:
            OURS.exception("trouble")
    for secret in ("hunt'er2!", "open5esame", "l3tmein"):
        assert secret not in stream.getvalue()
    assert "***" in stream.getvalue()


@given(
    st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=6, max_size=30),
    st.sampled_from(["{}", "a {} b", "[{}]", "http://u:{}@h/", "{}{}", "x\n{}"]),
)
def test_any_configured_secret_is_hidden(secret: str, place: str) -> None:
    words = place.replace("{}", secret)
    if secret not in "a*b[]x***http://u:@h/":
        assert secret not in Redaction([secret]).text(words).replace("***", "")


@pytest.mark.parametrize(
    "words",
    [
        "wrote 7 rows",
        "key=stand-1 partition=3",
        "see docs/data.md",
        "10:42 a@b",
        "offsets [3, 9) of visits.v1",
    ],
)
def test_other_words_stay_as_they_are(words: str) -> None:
    assert Redaction(["hunter2"]).text(words) == words


def test_words_from_outside_cannot_forge_a_line() -> None:
    with told("text") as stream:
        OURS.info("stand %s", "a\n2026-01-01T00:00:00Z ERROR sink all is lost\x1b[2J")
    assert stream.getvalue().count("\n") == 1
    assert "\x1b" not in stream.getvalue()


@pytest.mark.timeout(30)
def test_a_megabyte_from_outside_is_cut_and_takes_no_time() -> None:
    with told("json", "hunter2") as stream:
        for letters in ("x", "a.", "password", "://", "@"):
            OURS.info(
                "it sent %s", letters * (1_000_000 // len(letters)) + "hunter2", extra={"x": "y" * 99_999}
            )
    # A client of Kafka that another test has left speaks into the same log.
    lines = [line for line in stream.getvalue().splitlines() if "it sent" in line]
    assert len(lines) == 5
    assert all(len(line) < 40_000 for line in lines)
    assert "hunter2" not in stream.getvalue()


def test_a_url_that_is_cut_before_its_host_shows_no_password() -> None:
    words = "x" * (LONGEST - 20) + " rtsp://ann:sesame-and-more@camera/1"
    assert "sesame" not in Redaction().text(words)


def test_people_are_spared_what_clients_say_of_every_attempt() -> None:
    with told("text") as stream:
        THEIRS.error("connection failed: 111 ECONNREFUSED")
        THEIRS.critical("out of memory")
        OURS.warning("kafka is away")
    assert [line.split(maxsplit=3)[3] for line in stream.getvalue().splitlines()] == [
        "out of memory",
        "kafka is away",
    ]


def test_libraries_tell_machines_warnings_only_and_the_same_once() -> None:
    with told("json") as stream:
        THEIRS.info("chatter")
        for port in range(100):
            THEIRS.error(f"connection to 127.0.0.1:{port} failed")
        THEIRS.error("another trouble")
        for number in range(3):
            OURS.info("ours %d", number)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 5
    assert "127.0.0.1:0 failed" in lines[0]


def record_at(seconds: float, words: str = "lost") -> logging.LogRecord:
    record = logging.LogRecord("kafka.conn", logging.ERROR, "", 0, words, None, None)
    record.created = seconds
    return record


def test_after_a_while_it_is_told_again_with_how_many_were_held_back() -> None:
    flood = Flood(OWN, FloodOptions(quiet_s=60))
    assert [flood.filter(record_at(t)) for t in (0, 1, 59.9)] == [True, False, False]
    again = record_at(61)
    assert flood.filter(again)
    assert vars(again)["held_back"] == 2
    assert not flood.filter(record_at(62))


def test_what_is_remembered_of_a_flood_is_bounded() -> None:
    flood = Flood(OWN, FloodOptions(sentences=10))
    for letter in range(1000):
        assert flood.filter(record_at(0, words="x" * letter))
    assert len(flood._said) <= 10


def test_a_thread_that_dies_is_told() -> None:
    with told("json") as stream:
        thread = threading.Thread(target=lambda: 1 // 0, name="poll")
        thread.start()
        thread.join()
    line = json.loads(stream.getvalue())
    assert line["level"] == "critical"
    assert line["extras"]["thread_name"] == "poll"
    assert "ZeroDivisionError" in line["exception"]


def test_afterwards_all_is_as_before() -> None:
    root = logging.getLogger()
    before = (list(root.handlers), root.level, threading.excepthook, warnings.showwarning)
    with told("text"):
        pass
    assert (list(root.handlers), root.level, threading.excepthook, warnings.showwarning) == before
