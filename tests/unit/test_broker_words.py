"""Trouble with the brokers in words, and what clients are told of the options."""

import logging
import socket
import ssl
from pathlib import Path

import aiokafka.errors
import pytest
from kafka.errors import (
    CoordinatorNotAvailableError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    NotCoordinatorError,
    SaslAuthenticationFailedError,
    TopicAuthorizationFailedError,
)

from schemas.broker import BrokerOptions
from schemas.errors import BrokerAwayError, DependencyAwayError, UsageError
from schemas.trouble import complaints, in_words, trouble_of

PLAIN = BrokerOptions(bootstrap="a:1, b:2")
NAMED = BrokerOptions(
    bootstrap="a:1", security="SASL_SSL", username="door", password="hush", sasl_mechanism="SCRAM-SHA-256"
)


def test_every_broker_is_told() -> None:
    assert PLAIN.arguments() == {
        "bootstrap_servers": ["a:1", "b:2"],
        "security_protocol": "PLAINTEXT",
    }


def test_who_asks_is_told_only_where_brokers_ask(tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text("certificate", encoding="utf-8")
    options = BrokerOptions(
        bootstrap="a:1", security="SSL", ca_file=ca_file, username="door", password="hush"
    )
    assert options.arguments() == {
        "bootstrap_servers": ["a:1"],
        "security_protocol": "SSL",
        "ssl_cafile": str(ca_file),
    }
    arguments = NAMED.arguments()
    assert arguments["sasl_mechanism"] == "SCRAM-SHA-256"
    assert (arguments["sasl_plain_username"], arguments["sasl_plain_password"]) == ("door", "hush")


def test_a_missing_certificate_is_named() -> None:
    options = BrokerOptions(security="SSL", ca_file=Path("/nowhere/ca.pem"))
    with pytest.raises(UsageError, match=r"/nowhere/ca\.pem"):
        options.arguments()


def test_nobody_is_not_sent_to_ask() -> None:
    with pytest.raises(UsageError, match="username"):
        BrokerOptions(security="SASL_SSL").arguments()


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
    "error",
    [
        CoordinatorNotAvailableError(),
        NotCoordinatorError(),
        aiokafka.errors.GroupCoordinatorNotAvailableError(),
        aiokafka.errors.GroupLoadInProgressError(),
        aiokafka.errors.NotEnoughReplicasError(),
    ],
)
def test_a_broker_that_answers_is_not_told_to_be_started(error: Exception) -> None:
    trouble = trouble_of(error, PLAIN)
    assert isinstance(trouble, BrokerAwayError)
    assert "answers and is not ready yet" in str(trouble)
    assert "start it" not in str(trouble)


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


UNTRUSTED = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")
OTHER_HOST = ssl.SSLCertVerificationError(
    1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: IP address mismatch, certificate is ..."
)
MISSPELT = "certificate verify failed: Hostname mismatch, certificate is not valid for 'a' (_ssl.c:1016)"


@pytest.mark.parametrize(
    ("errors", "kind", "words"),
    [
        ((UNTRUSTED, KafkaConnectionError(f"Handshake failed: {UNTRUSTED}")), UsageError, "is not trusted"),
        ((OTHER_HOST, KafkaConnectionError(f"Handshake failed: {MISSPELT}")), UsageError, "of another host"),
        (
            (SaslAuthenticationFailedError("no"), aiokafka.errors.SaslAuthenticationFailed("no")),
            UsageError,
            "refuses user 'door': check `kafka.username`",
        ),
        (
            (GroupAuthorizationFailedError("g"), aiokafka.errors.TopicAuthorizationFailedError("t")),
            UsageError,
            "refuses user 'door' a right",
        ),
        ((IllegalSaslStateError(), aiokafka.errors.IllegalSaslStateError()), UsageError, "asks nobody"),
        (
            (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"),),
            UsageError,
            "speaks no TLS there",
        ),
        (
            (
                socket.gaierror(-2, "Name or service not known"),
                KafkaConnectionError("DNS lookup failed for a"),
            ),
            BrokerAwayError,
            "no such host",
        ),
        (
            (OSError(111, "Connect call failed"), KafkaConnectionError("111 ECONNREFUSED")),
            BrokerAwayError,
            "nobody listens there",
        ),
        (
            (
                KafkaConnectionError("socket disconnected"),
                aiokafka.errors.KafkaConnectionError("at a:1 closed"),
            ),
            BrokerAwayError,
            "over SASL_SSL (it hangs up): start it",
        ),
        (
            (ssl.SSLEOFError(8, "[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred"), ConnectionResetError()),
            BrokerAwayError,
            "(it hangs up: is its port without TLS?)",
        ),
        (
            (TimeoutError(), KafkaTimeoutError(), aiokafka.errors.RequestTimedOutError()),
            BrokerAwayError,
            "it is silent",
        ),
        (
            (aiokafka.errors.PolicyViolationError("not {more} than 3 copies"),),
            BrokerAwayError,
            "not {more} than 3 copies",
        ),
    ],
)
def test_a_cause_has_one_sentence_whichever_client_finds_it(
    errors: tuple[Exception, ...], kind: type[Exception], words: str
) -> None:
    found = [trouble_of(error, NAMED) for error in errors]
    assert {type(each) for each in found} == {kind}
    assert len({str(each) for each in found}) == 1
    assert words in str(found[0])


def test_the_cause_is_found_behind_the_error() -> None:
    error = aiokafka.errors.KafkaConnectionError("Unable to bootstrap")
    error.__cause__ = UNTRUSTED
    assert isinstance(trouble_of(error, NAMED), UsageError)


def test_other_errors_pass_as_they_are() -> None:
    with pytest.raises(KeyError), in_words(PLAIN, KafkaError, OSError):
        raise KeyError("ours")
    with pytest.raises(BrokerAwayError), in_words(PLAIN, KafkaError):
        raise KafkaTimeoutError("Unable to bootstrap")
