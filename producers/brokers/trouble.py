"""Trouble with the brokers in words for a person, with the mend and the right exit code."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from schemas.broker import BrokerOptions
from schemas.errors import DependencyAwayError, OnlookerError, UsageError

_REFUSALS = (
    "AuthenticationFailed",
    "AuthorizationFailed",
    "AuthorizationError",
    "UnsupportedSaslMechanism",
    "invalid credentials",
    "Failed to authenticate",
)
_DISTRUST = "CERTIFICATE_VERIFY_FAILED"
_LIBRARY = "kafka"


@contextmanager
def complaints() -> Iterator[list[str]]:
    """Hear why connecting fails: the library keeps trying, and tells the reason only to its log.

    Yields:
        A list that fills with what it says.
    """
    heard: list[str] = []
    handler = _Listener(heard)
    logger = logging.getLogger(_LIBRARY)
    logger.addHandler(handler)
    try:
        yield heard
    finally:
        logger.removeHandler(handler)


class _Listener(logging.Handler):
    def __init__(self, heard: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what is said."""
        self._heard.append(record.getMessage())


def is_refusal(error: BaseException, heard: Sequence[str] = ()) -> bool:
    """Whether the brokers know us and say no: waiting does not help.

    Args:
        error: any error of kafka-python.
        heard: what the library said meanwhile.
    """
    said = [kind.__name__ for kind in type(error).__mro__] + [str(error), *heard]
    return any(refusal in each for refusal in _REFUSALS for each in said)


def trouble_of(error: BaseException, options: BrokerOptions, heard: Sequence[str] = ()) -> OnlookerError:
    """The error for a person.

    Args:
        error: any error of kafka-python.
        options: who was asked, and how.
        heard: what the library said meanwhile.

    Returns:
        UsageError when the brokers refuse us or we do not trust them, DependencyAwayError when they are away.
    """
    kind = type(error).__name__.removesuffix("Error")
    if is_refusal(error, heard):
        who = f"user {options.username!r}" if options.uses_sasl else "a client without a name"
        return UsageError(
            f"Kafka at {options.bootstrap} refuses {who}: check `kafka.username`, its password, "
            "`kafka.sasl_mechanism` and the user's rights."
        )
    if any(_DISTRUST in each for each in [str(error), *heard]):
        return UsageError(
            f"The certificate of Kafka at {options.bootstrap} is not trusted: name the authority that signed "
            "it in `kafka.ca_file`, and the host as the certificate does in `kafka.bootstrap`."
        )
    # A broker that refuses a password hangs up, often before the library has read why.
    or_refuses = f", or check the password of {options.username!r}" if options.uses_sasl else ""
    return DependencyAwayError(
        f"Kafka at {options.bootstrap} does not answer over {options.security} ({kind}): start it, "
        f"or name another with --bootstrap or `kafka.bootstrap` and `kafka.security`{or_refuses}."
    )
