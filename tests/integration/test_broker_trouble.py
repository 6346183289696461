"""Every part that speaks to Kafka says the same of the same trouble, and waits for it or does not."""

import asyncio
import contextlib
import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from kafka.net.manager import KafkaConnectionManager

from onlooker.doctor.servers import connection_checks
from processors.runtime.agents.topics import prepare_topics
from producers.brokers.topics import Topics
from producers.options import PublishOptions
from producers.publish.publisher import KafkaClient
from schemas.broker import BrokerOptions
from schemas.errors import BrokerAwayError, OnlookerError, UsageError
from sinks.letters.topic import AcknowledgedProducer, ProducerRecord
from sinks.recording.feed import KafkaSource, whole_topic
from sinks.service.consumer import GroupConsumer
from sinks.service.options import SinkOptions
from tests.certificates import Authority
from tests.secured_broker import SecuredBroker
from tests.tls_hop import TlsHop

PATIENCE_MS = 300
TOPIC = "visits.v1"
LETTER = ProducerRecord(topic=TOPIC, key=None, value=b"")


def _doctor(options: BrokerOptions, folder: Path) -> None:
    config = folder / "site.yaml"
    settings = msgspec.to_builtins(options, enc_hook=str)
    named = {name: value for name, value in settings.items() if value is not None}
    password = {"ONLOOKER_KAFKA_PASSWORD": named.pop("password", "")}
    config.write_text(json.dumps({"kafka": named}), encoding="utf-8")
    connection_checks(config, password)["Kafka"]()


def _work(options: BrokerOptions, _: Path) -> None:
    names = [options.topics.name("visits")]
    asyncio.run(prepare_topics(options, names, checkpoints="measure-states", checkpoint_bytes=1024))


def _sink(options: BrokerOptions, folder: Path) -> None:
    del folder
    feed = GroupConsumer(options, ["visits"], SinkOptions())
    for _ in range(100):
        feed.poll(0.1)


PARTS: Mapping[str, Callable[[BrokerOptions, Path], object]] = {
    "topics": lambda options, _: Topics(options).names(),
    "capture and replay": lambda options, _: KafkaClient(options, PublishOptions(), ["frames"]),
    "work": _work,
    "sink": _sink,
    "record": lambda options, _: KafkaSource(options, ["visits"]),
    "dead-letters list": lambda options, _: list(whole_topic(options, "visits")),
    "dead-letters replay": lambda options, _: AcknowledgedProducer(options).send([LETTER]),
    "doctor": _doctor,
}
each_part = pytest.mark.parametrize("part", PARTS)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Clients of kafka-python try again for 0.3 s only, unless there is a broker, which takes its time."""
    if request.node.get_closest_marker("kafka"):
        return
    patient = KafkaConnectionManager.bootstrap_async

    def bootstrap_async(self: Any, timeout_ms: int | None = None, refresh: bool = True) -> Any:
        return patient(self, PATIENCE_MS if timeout_ms else timeout_ms, refresh)

    monkeypatch.setattr(KafkaConnectionManager, "bootstrap_async", bootstrap_async)


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service has one cluster: what clients of tests before say, whose brokers are gone, is not heard."""
    others = [thread for thread in threading.enumerate() if thread is not threading.current_thread()]

    def is_ours(_: object, record: logging.LogRecord) -> bool:
        # A thread that has ended may have left its number to one of ours.
        return not any(thread.ident == record.thread and thread.is_alive() for thread in others)

    monkeypatch.setattr("schemas.trouble._Listener.filter", is_ours)


def said(part: str, options: BrokerOptions, folder: Path) -> OnlookerError:
    """What a part says when it is sent to brokers that do not serve it."""
    with pytest.raises(OnlookerError) as caught:
        PARTS[part](options, folder)
    return caught.value


@contextlib.contextmanager
def answering(words: bytes) -> Iterator[int]:
    """A server without TLS that says something to everybody and hangs up.

    Args:
        words: what it says; b"" to say nothing.

    Yields:
        Its port on loopback.
    """

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                with contextlib.suppress(OSError), client:
                    client.recv(1 << 16)
                    client.sendall(words)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("trusted"))


@pytest.fixture(scope="module")
def tls(authority: Authority) -> Iterator[Callable[[str], int]]:
    """Servers that speak TLS at any address of loopback, and say nothing after the greeting."""
    with contextlib.ExitStack() as stack:
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
        certificate = authority.server("broker")
        yield lambda host: stack.enter_context(TlsHop(silent, certificate, host=host)).port


@each_part
def test_a_certificate_that_is_not_trusted(part: str, tls: Callable[[str], int], tmp_path: Path) -> None:
    where = f"127.0.0.1:{tls('127.0.0.1')}"
    options = BrokerOptions(bootstrap=where, security="SSL", ca_file=Authority(tmp_path).ca_file)
    found = said(part, options, tmp_path)
    assert isinstance(found, UsageError)
    assert str(found) == (
        f"The certificate of Kafka at {where} is not trusted: name the authority that signed it in "
        "`kafka.ca_file`, and the host as the certificate does in `kafka.bootstrap`."
    )


@each_part
def test_a_certificate_of_another_host(
    part: str, tls: Callable[[str], int], authority: Authority, tmp_path: Path
) -> None:
    where = f"127.0.0.2:{tls('127.0.0.2')}"
    found = said(part, BrokerOptions(bootstrap=where, security="SSL", ca_file=authority.ca_file), tmp_path)
    assert isinstance(found, UsageError)
    assert str(found) == (
        f"The certificate of Kafka at {where} is of another host: name it in `kafka.bootstrap` as the "
        "certificate does."
    )


@each_part
def test_no_tls_where_it_is_looked_for(part: str, authority: Authority, tmp_path: Path) -> None:
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        options = BrokerOptions(bootstrap=f"127.0.0.1:{port}", security="SSL", ca_file=authority.ca_file)
        found = said(part, options, tmp_path)
    assert isinstance(found, UsageError)
    assert f"127.0.0.1:{port} speaks no TLS there" in str(found)


@each_part
def test_who_hangs_up_on_tls_may_speak_none_or_be_starting(
    part: str, authority: Authority, tmp_path: Path
) -> None:
    with answering(b"") as port:
        options = BrokerOptions(bootstrap=f"127.0.0.1:{port}", security="SSL", ca_file=authority.ca_file)
        assert away(said(part, options, tmp_path)) == "over SSL (it hangs up: is its port without TLS?)"


@each_part
def test_who_hangs_up_on_plain_words_may_speak_tls(
    part: str, tls: Callable[[str], int], tmp_path: Path
) -> None:
    options = BrokerOptions(bootstrap=f"127.0.0.1:{tls('127.0.0.1')}")
    assert away(said(part, options, tmp_path)) == "over PLAINTEXT (it hangs up: is its port for TLS?)"


@each_part
@pytest.mark.parametrize(
    ("where", "why"), [("nowhere.invalid:9092", "no such host"), ("127.0.0.1:9", "nobody listens there")]
)
def test_nobody_there(part: str, where: str, why: str, tmp_path: Path) -> None:
    assert away(said(part, BrokerOptions(bootstrap=where), tmp_path)) == f"over PLAINTEXT ({why})"


def away(found: OnlookerError) -> str:
    """How and why a broker does not answer; one that may come back."""
    assert isinstance(found, BrokerAwayError)
    return str(found).partition(" does not answer ")[2].partition(": start it")[0]


@pytest.fixture(scope="module")
def secured(kafka_jars: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    with SecuredBroker(tmp_path_factory.mktemp("secured"), prefix="mall-7") as broker:
        yield broker


@each_part
@pytest.mark.kafka
def test_a_wrong_password(part: str, secured: SecuredBroker, tmp_path: Path) -> None:
    options = msgspec.structs.replace(secured.options, password="guessed")
    words = str(said(part, options, tmp_path))
    # The broker hangs up after a refusal, sometimes before the client has read it: then it only looks away.
    assert "refuses user 'onlooker': check" in words or "check the password of 'onlooker'" in words
    assert "guessed" not in words


@pytest.mark.parametrize("part", ["sink", "dead-letters replay"])
@pytest.mark.kafka
def test_no_right(part: str, secured: SecuredBroker, tmp_path: Path) -> None:
    """Parts that ask for all topics are shown those that they may see: another site's are missing there."""
    options = msgspec.structs.replace(secured.options, prefix="mall-8")
    found = said(part, options, tmp_path)
    assert isinstance(found, UsageError)
    assert "refuses user 'onlooker' a right" in str(found)
