"""A broker that asks for TLS, a password and rights: who gets in, and who does not."""

import logging
import re
from collections.abc import Iterator

import msgspec
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic
from kafka.errors import KafkaError, TopicAuthorizationFailedError

from producers.owners.group import CaptureGroup, EvictedError
from schemas.errors import UsageError
from tests.secured_broker import SecuredBroker

pytestmark = [pytest.mark.kafka]
PREFIX = "mall-7"
SESSION_S = 10.0
REFUSED = "invalid credentials|disconnected"
"""The broker says why and hangs up at once; the library does not always read what was said."""


@pytest.fixture(scope="module")
def secured(kafka_jars: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    with SecuredBroker(tmp_path_factory.mktemp("secured"), prefix=PREFIX) as broker:
        yield broker


def client_of(broker: SecuredBroker, **changes: object) -> dict[str, object]:
    """What a client says, with changes."""
    arguments = broker.options.arguments()
    return {**arguments, "bootstrap_timeout_ms": 10_000, **changes}


def test_the_right_password_publishes_and_reads(secured: SecuredBroker) -> None:
    admin = KafkaAdminClient(**client_of(secured))
    admin.create_topics([NewTopic(f"{PREFIX}.visits.v1", 1, 1)])
    admin.close()
    producer = KafkaProducer(**client_of(secured))
    producer.send(f"{PREFIX}.visits.v1", value=b"one visit").get(20)
    producer.close()
    consumer = KafkaConsumer(
        f"{PREFIX}.visits.v1",
        group_id=f"{PREFIX}.onlooker-sink",
        auto_offset_reset="earliest",
        consumer_timeout_ms=20_000,
        **client_of(secured),
    )
    assert next(consumer).value == b"one visit"
    consumer.close()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"sasl_plain_password": "guessed"}, REFUSED, id="a wrong password"),
        pytest.param({"sasl_plain_username": "nobody"}, REFUSED, id="an unknown user"),
        pytest.param({"security_protocol": "SSL"}, "disconnected", id="no name at all"),
        pytest.param({"security_protocol": "PLAINTEXT"}, "disconnected", id="no encryption"),
        pytest.param({"security_protocol": "SASL_PLAINTEXT"}, "disconnected", id="a password in the clear"),
        pytest.param({"ssl_cafile": None}, "CERTIFICATE_VERIFY_FAILED", id="an authority nobody knows"),
    ],
)
def test_others_are_refused(
    secured: SecuredBroker, changes: dict[str, object], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The library tries on until its time is up; why each attempt failed stands in its log."""
    with caplog.at_level(logging.INFO), pytest.raises(KafkaError):
        KafkaProducer(**client_of(secured, bootstrap_timeout_ms=2000, **changes))
    assert re.search(words, caplog.text)
    assert secured.password not in caplog.text


def test_a_user_may_not_touch_the_topics_of_another_site(secured: SecuredBroker) -> None:
    admin = secured.cluster.admin()
    admin.create_topics([NewTopic("mall-8.visits.v1", 1, 1)])
    admin.close()
    producer = KafkaProducer(**client_of(secured))
    with pytest.raises(TopicAuthorizationFailedError):
        producer.send("mall-8.visits.v1", value=b"not mine").get(20)
    producer.close()


def test_a_capture_that_may_not_join_its_group_says_what_right_it_needs(secured: SecuredBroker) -> None:
    ours = CaptureGroup(secured.options, "box", SESSION_S)
    assert ours.join(b"claim") == {"box": b"claim"}
    assert ours.sync({"box": b"told"}) == b"told"
    ours.heartbeat()
    ours.leave()
    with pytest.raises(EvictedError):
        ours.heartbeat()
    ours.close()
    other = msgspec.structs.replace(secured.options, prefix="mall-8")
    theirs = CaptureGroup(other, "box", SESSION_S)
    with pytest.raises(UsageError, match=r"group mall-8\.onlooker-capture.*the right Read on the group"):
        theirs.join(b"claim")
    theirs.close()


def test_no_password_is_in_the_logs_of_the_broker(secured: SecuredBroker) -> None:
    said = secured.cluster.log(0).read_text(errors="replace")
    assert "Kafka Server started" in said
    assert secured.password not in said
