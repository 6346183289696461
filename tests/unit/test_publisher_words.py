"""Trouble with the brokers in words, and what clients are told of the options."""

import logging
from pathlib import Path

import pytest
from kafka.errors import KafkaTimeoutError, SaslAuthenticationFailedError, TopicAuthorizationFailedError

from producers.brokers.arguments import broker_arguments
from producers.brokers.trouble import complaints, trouble_of
from schemas.broker import BrokerOptions
from schemas.errors import DependencyAwayError, UsageError

PLAIN = BrokerOptions(bootstrap="a:1, b:2")
NAMED = BrokerOptions(
    bootstrap="a:1", security="SASL_SSL", username="door", password="hush", sasl_mechanism="SCRAM-SHA-256"
)


def test_every_broker_is_told() -> None:
    assert broker_arguments(PLAIN) == {
        "bootstrap_servers": ["a:1", "b:2"],
        "security_protocol": "PLAINTEXT",
    }


def test_who_asks_is_told_only_where_brokers_ask(tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text("certificate", encoding="utf-8")
    options = BrokerOptions(
        bootstrap="a:1", security="SSL", ca_file=ca_file, username="door", password="hush"
    )
    assert broker_arguments(options) == {
        "bootstrap_servers": ["a:1"],
        "security_protocol": "SSL",
        "ssl_cafile": str(ca_file),
    }
    arguments = broker_arguments(NAMED)
    assert arguments["sasl_mechanism"] == "SCRAM-SHA-256"
    assert (arguments["sasl_plain_username"], arguments["sasl_plain_password"]) == ("door", "hush")


def test_a_missing_certificate_is_named() -> None:
    options = BrokerOptions(security="SSL", ca_file=Path("/nowhere/ca.pem"))
    with pytest.raises(UsageError, match=r"/nowhere/ca\.pem"):
        broker_arguments(options)


def test_nobody_is_not_sent_to_ask() -> None:
    with pytest.raises(UsageError, match="username"):
        broker_arguments(BrokerOptions(security="SASL_SSL"))


@pytest.mark.parametrize(
    "error", [SaslAuthenticationFailedError("no"), TopicAuthorizationFailedError("mall.frames.v1")]
)
def test_a_refusal_is_a_matter_of_configuration(error: Exception) -> None:
    found = trouble_of(error, NAMED)
    assert isinstance(found, UsageError)
    assert "refuses user 'door'" in str(found)
    assert "hush" not in str(found)


def test_silence_is_a_dependency_that_is_away() -> None:
    found = trouble_of(KafkaTimeoutError("Unable to bootstrap"), PLAIN)
    assert isinstance(found, DependencyAwayError)
    assert "a:1, b:2" in str(found)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("Connection failed: SaslAuthenticationFailedError: invalid credentials", "refuses"),
        ("Handshake failed: [SSL: CERTIFICATE_VERIFY_FAILED] unable to get local issuer", "kafka.ca_file"),
    ],
)
def test_the_reason_is_heard_in_the_log_of_the_library(said: str, words: str) -> None:
    library = logging.getLogger("kafka.net.manager")
    with complaints() as heard:
        library.error(said)
    library.error("later words are not heard")
    assert heard == [said]
    found = trouble_of(KafkaTimeoutError("Unable to bootstrap"), NAMED, heard)
    assert isinstance(found, UsageError)
    assert words in str(found)
