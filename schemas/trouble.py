"""Why Kafka does not serve us: one sentence and one kind of error a cause, whichever client found out."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from schemas.broker import BrokerOptions
from schemas.broker_clock import clock_refusal
from schemas.errors import BrokerAwayError, OnlookerError, UsageError

_CLIENTS = ("kafka", "aiokafka")
"""The loggers of the clients: they try again and again, and tell only there why it fails."""
_NOBODY = logging.NullHandler()
_LASTING = (
    (
        ("AuthorizationFailed", "AuthorizationError"),
        "Kafka at {where} refuses {who} a right: let it read, write and make the topics and groups of "
        "`kafka.prefix`.",
    ),
    (
        ("IllegalSaslState",),
        "Kafka at {where} asks nobody who connects: set `kafka.security` to PLAINTEXT or SSL, or name "
        "another port in `kafka.bootstrap`.",
    ),
    (
        ("AuthenticationFailed", "UnsupportedSaslMechanism", "invalid credentials", "to authenticate"),
        "Kafka at {where} refuses {who}: check `kafka.username`, its password, `kafka.sasl_mechanism` and "
        "the user's rights.",
    ),
    (
        ("Hostname mismatch", "IP address mismatch"),
        "The certificate of Kafka at {where} is of another host: name it in `kafka.bootstrap` as the "
        "certificate does.",
    ),
    (
        ("CERTIFICATE_VERIFY_FAILED",),
        "The certificate of Kafka at {where} is not trusted: name the authority that signed it in "
        "`kafka.ca_file`, and the host as the certificate does in `kafka.bootstrap`.",
    ),
    (
        ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"),
        "Kafka at {where} speaks no TLS there: set `kafka.security` to PLAINTEXT or SASL_PLAINTEXT, or name "
        "its port for TLS in `kafka.bootstrap`.",
    ),
    (
        ("ALERT_CERTIFICATE_REQUIRED", "ALERT_BAD_CERTIFICATE", "ALERT_UNKNOWN_CA"),
        "Kafka at {where} wants a certificate of this client that it trusts: name it in "
        "`kafka.certificate_file` and `kafka.key_file`.",
    ),
    (
        ("NO_CERTIFICATE_OR_CRL_FOUND", "PEM lib", "KEY_VALUES_MISMATCH"),
        "What Kafka at {where} is told cannot be encrypted: `kafka.ca_file`, `kafka.certificate_file` and "
        "`kafka.key_file` must be PEM files.",
    ),
    (
        ("KafkaConfigurationError", "InvalidTopicError"),
        "Kafka at {where} cannot be asked like this ({error}): check `kafka` in the configuration.",
    ),
)
"""Trouble that waiting does not mend, by what gives it away: in an error's name or words, or in a log."""
_NOT_READY = (
    "CoordinatorNotAvailable",
    "CoordinatorLoadInProgress",
    "GroupLoadInProgress",
    "NotCoordinator",
    "LeaderNotAvailable",
    "NotLeaderFor",
    "NotLeaderOr",
    "NotEnoughReplicas",
)
"""Brokers that have just started, or have lost one of theirs: who waits is served."""
_GREETED = ("UNEXPECTED_EOF", "EOF occurred", "ConnectionResetError")
"""A broker that hangs up on the greeting of TLS."""
_HANGS_UP = "it hangs up"
_AWAY = (
    (("DNS lookup failed", "gaierror", "Name or service not known", "name resolution"), "no such host"),
    (("ECONNREFUSED", "ConnectionRefused", "Connect call failed"), "nobody listens there"),
    ((*_GREETED, "socket disconnected", " closed", "Connection reset", "ECONNRESET"), _HANGS_UP),
    (("KafkaTimeoutError", "RequestTimedOut", "TimeoutError", "KafkaConnectionError"), "it is silent"),
)
"""What a broker that is away is heard to do, the surest first."""


@contextmanager
def in_words(options: BrokerOptions, *kinds: type[Exception]) -> Iterator[None]:
    """Turns trouble of a client into trouble with words for a person.

    Args:
        options: who is asked, and how.
        kinds: the errors of the client; others pass.

    Raises:
        UsageError: waiting does not help.
        BrokerAwayError: it may.
    """
    with complaints() as heard:
        try:
            yield
        except kinds as error:
            raise trouble_of(error, options, heard) from error


@contextmanager
def complaints() -> Iterator[list[str]]:
    """Hear why connecting fails.

    Where no log is set up, Python would print what the clients say; from here on it does not.

    Yields:
        A list that fills with what the clients say.
    """
    listener = _Listener(logging.WARNING)
    loggers = [logging.getLogger(name) for name in _CLIENTS]
    for logger in loggers:
        logger.addHandler(_NOBODY)
        logger.addHandler(listener)
    try:
        yield listener.heard
    finally:
        for logger in loggers:
            logger.removeHandler(listener)


class _Listener(logging.Handler):
    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what is said, and the names of the errors in it: some have no words."""
        self.heard.append(record.getMessage())
        for said in record.args if isinstance(record.args, tuple) else ():
            if isinstance(said, BaseException):
                self.heard.extend(_signs_of(said))


def trouble_of(error: BaseException, options: BrokerOptions, heard: Sequence[str] = ()) -> OnlookerError:
    """The error for a person, from any error of a client or of the system and what the client said.

    Returns:
        UsageError when waiting does not help, BrokerAwayError when it may.
    """
    signs = [*_signs_of(error), *heard]
    for marks, sentence in _LASTING:
        if _shows(marks, signs):
            who = f"user {options.username!r}" if options.uses_sasl else "a client without a name"
            return UsageError(sentence.format(where=options.bootstrap, who=who, error=error))
    if (refusal := clock_refusal(signs, options.bootstrap)) is not None:
        return refusal
    if _shows(_NOT_READY, list(_signs_of(error))):
        return BrokerAwayError(
            f"Kafka at {options.bootstrap} answers and is not ready yet ({type(error).__name__}): it is "
            "asked again."
        )
    why = _why_away(signs, options) or str(error) or type(error).__name__
    # A broker that refuses a password hangs up, often before the client has read why.
    or_refuses = f", or check the password of {options.username!r}" if options.uses_sasl else ""
    return BrokerAwayError(
        f"Kafka at {options.bootstrap} does not answer over {options.security} ({why}): start it, "
        f"or name another with --bootstrap or `kafka.bootstrap` and `kafka.security`{or_refuses}."
    )


def _why_away(signs: Sequence[str], options: BrokerOptions) -> str | None:
    why = next((words for marks, words in _AWAY if _shows(marks, signs)), None)
    if why == _HANGS_UP and not options.uses_tls:
        return f"{why}: is its port for TLS?"
    return f"{why}: is its port without TLS?" if why == _HANGS_UP and _shows(_GREETED, signs) else why


def _signs_of(error: BaseException | None) -> Iterator[str]:
    """The names and words of an error and of those behind it."""
    while error is not None:
        yield from (kind.__name__ for kind in type(error).__mro__)
        yield str(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _shows(marks: Sequence[str], signs: Sequence[str]) -> bool:
    return any(mark in sign for mark in marks for sign in signs)
