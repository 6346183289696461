"""Three kinds of trouble: set aside, wait, stop; each stop has an exit code and names its mend."""


class OnlookerError(Exception):
    """Trouble with words for a person; `exit_code` is what the process ends with."""

    exit_code = 1


class CheckFailedError(OnlookerError):
    """A check the user asked for did not hold (exit 1)."""

    exit_code = 1


class UsageError(OnlookerError):
    """Wrong usage or configuration: nothing was started (exit 2)."""

    exit_code = 2


class SettingError(UsageError):
    """A setting cannot be meant, or names what is not there.

    Args:
        setting: its path in the configuration, `stands[0].cameras[1].source`.
        words: what is wrong with it and the mend.
    """

    def __init__(self, setting: str, words: str) -> None:
        super().__init__(f"{setting}: {words}")
        self.setting = setting
        self.words = words


class DependencyAwayError(OnlookerError):
    """A server, a model, a package index or a disk is not there (exit 3)."""

    exit_code = 3


class BrokerAwayError(DependencyAwayError):
    """The brokers do not answer: wait and ask again."""


class ClockRefusedError(BrokerAwayError):
    """The brokers take nothing that is stamped by this clock: wait until one of the clocks is mended.

    Args:
        detail: a sentence for a person.
        judged: whether this very message was refused for its time, not because another was.
    """

    def __init__(self, detail: str, *, judged: bool) -> None:
        super().__init__(detail)
        self.judged = judged


class LimitReachedError(OnlookerError):
    """Stopped by a limit: a full disk, too many bad inputs (exit 4)."""

    exit_code = 4


class SetAsideError(OnlookerError):
    """One input of many cannot be used: it is set aside and counted, never fatal.

    Args:
        cause: one of the words that counters use.
        detail: a sentence for a person.
    """

    def __init__(self, cause: str, detail: str) -> None:
        super().__init__(detail)
        self.cause = cause


class BadPictureError(SetAsideError):
    """A picture that cannot be read: `empty`, `too_large`, `not_a_picture` or `damaged`."""


class UndecodableError(SetAsideError):
    """A message that cannot be read or must not be believed: set aside as a dead letter.

    Causes: `empty`, `not_framed`, `unknown_schema`, `truncated`, `wrong_type`, `out_of_range`, `too_large`,
    `bad_picture`, `future`, and `failed` where the fault is our own.
    """
