"""Logs of a service: sentences for people or JSON lines for machines, on stderr, without secrets."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import msgspec

from onlooker.telemetry.flood import Flood
from onlooker.telemetry.redaction import Redaction

LogFormat = Literal["text", "json"]
OWN = ("onlooker", "producers", "processors", "sinks", "schemas")
"""Packages whose news are told; of all others only warnings."""
CLIENTS = ("kafka", "aiokafka")
"""Libraries that tell every attempt to connect: people read our one sentence instead, machines read all."""
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_CONTROL = {code: repr(chr(code))[1:-1] for code in [*range(32), *range(127, 160)]}

log = logging.getLogger(__name__)


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the log; its JSON form has these fields."""

    ts: str
    """When, ISO 8601 in UTC with microseconds."""
    level: str
    """`debug`, `info`, `warning`, `error` or `critical`."""
    service: str
    logger: str
    """Who says it: the name of the module."""
    message: str
    """A sentence."""
    extras: dict[str, Any] = {}
    """Figures and names that belong to the sentence."""
    exception: str | None = None
    """The traceback, where there is one."""

    def as_text(self) -> str:
        """The line for a person; words from outside cannot begin a line of their own."""
        extras = "".join(f" {name}={value}" for name, value in self.extras.items())
        words = f"{self.message}{extras}".translate(_CONTROL)
        trace = f"\n{self.exception}" if self.exception else ""
        return f"{self.ts} {self.level.upper():<8} {self.service} {words}{trace}"


class LineFormatter(logging.Formatter):
    """Turns records of a service into lines without secrets."""

    def __init__(self, service: str, log_format: LogFormat, redaction: Redaction) -> None:
        super().__init__()
        self._service = service
        self._as_json = log_format == "json"
        self._redaction = redaction

    def format(self, record: logging.LogRecord) -> str:
        """One record as a line."""
        hide = self._redaction.text
        extras = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        trace = self.formatException(record.exc_info) if record.exc_info else None
        line = Line(
            ts=datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds")[:-6] + "Z",
            level=record.levelname.lower(),
            service=self._service,
            logger=record.name,
            message=hide(record.getMessage()),
            extras={name: _plain(value, hide) for name, value in extras.items()},
            exception=None if trace is None else hide(trace),
        )
        return msgspec.json.encode(line).decode() if self._as_json else line.as_text()


def _plain(value: object, hide: Any) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    return hide(str(value))


@contextmanager
def logging_to(
    stream: TextIO, *, service: str, log_format: LogFormat, redaction: Redaction
) -> Iterator[None]:
    """Tell the log of this process as a service's; afterwards all is as before.

    Args:
        stream: where lines go: stderr, so that stdout stays clean.
        service: its name.
        log_format: `text` for people, `json` for machines.
        redaction: takes secrets out.

    Yields:
        Nothing; threads that die with an error are told too.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LineFormatter(service, log_format, redaction))
    handler.addFilter(Flood(OWN))
    if log_format == "text":
        handler.addFilter(_is_for_people)
    root, ours = logging.getLogger(), [logging.getLogger(name) for name in OWN]
    before, hook = [(logger, logger.level) for logger in (root, *ours)], threading.excepthook
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    for logger in ours:
        logger.setLevel(logging.INFO)
    logging.captureWarnings(True)
    threading.excepthook = _dead_thread
    try:
        yield
    finally:
        threading.excepthook = hook
        logging.captureWarnings(False)
        root.removeHandler(handler)
        for logger, level in before:
            logger.setLevel(level)


def _is_for_people(record: logging.LogRecord) -> bool:
    """Whether a person should read a line."""
    return record.levelno >= logging.CRITICAL or record.name.split(".")[0] not in CLIENTS


def _dead_thread(args: threading.ExceptHookArgs) -> None:
    """A thread that ends with an error is a bug, and is told as one."""
    if args.exc_value is None or isinstance(args.exc_value, SystemExit):
        return
    name = args.thread.name if args.thread else "?"
    trouble = (args.exc_type, args.exc_value, args.exc_traceback)
    log.critical("a thread has died", exc_info=trouble, extra={"thread_name": name})
