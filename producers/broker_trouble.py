"""Trouble with the brokers in words for a person, with the mend and the right exit code."""

from schemas.broker import BrokerOptions
from schemas.errors import DependencyAwayError, OnlookerError, UsageError

_REFUSALS = ("AuthenticationFailed", "AuthorizationFailed", "UnsupportedSaslMechanism", "AuthorizationError")


def is_refusal(error: BaseException) -> bool:
    """Whether the brokers know us and say no: waiting does not help.

    Args:
        error: any error of kafka-python.
    """
    names = [kind.__name__ for kind in type(error).__mro__] + [str(error)]
    return any(refusal in name for refusal in _REFUSALS for name in names)


def trouble_of(error: BaseException, options: BrokerOptions) -> OnlookerError:
    """The error for a person.

    Args:
        error: any error of kafka-python.
        options: who was asked, and how.

    Returns:
        UsageError when the brokers refuse us, DependencyAwayError when they are not there.
    """
    if is_refusal(error):
        who = f"user {options.username!r}" if options.uses_sasl else "a client without a name"
        return UsageError(
            f"Kafka at {options.bootstrap} refuses {who} ({_kind(error)}): check `kafka.username`, "
            "`kafka.password_file`, `kafka.sasl_mechanism` and the user's rights."
        )
    return DependencyAwayError(
        f"Kafka at {options.bootstrap} does not answer over {options.security} ({_kind(error)}): start it, "
        "or name another with --bootstrap or `kafka.bootstrap` and `kafka.security`."
    )


def _kind(error: BaseException) -> str:
    return type(error).__name__.removesuffix("Error")
