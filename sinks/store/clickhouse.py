"""The one door to clickhouse-driver: inserts with tokens, statements, questions, errors in plain words."""

import logging
import struct
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec
from clickhouse_driver import Client, errors

from schemas.errors import DependencyAwayError, LimitReachedError, OnlookerError, UsageError
from sinks.store.address import Address, checked_identifier
from sinks.store.tls import tls_trouble

MINIMUM_VERSION = (24, 7)
INSERT_SETTINGS = {
    "async_insert": 0,
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "materialized_views_ignore_errors": 0,
    "insert_block_size": 1 << 20,
    "max_partitions_per_insert_block": 0,
    "optimize_on_insert": 0,
}
"""One synchronous block an insert, so that its token stands for all of it: every row as it was given."""
SESSION_SETTINGS = {"server_side_params": True, "network_compression_method": "LZ4"}
"""Newer servers answer in zstd unless told otherwise."""
DISK_FULL_CODES = frozenset({243})
CAPACITY_CODES = frozenset({241, 252})
NO_ACCESS_CODES = frozenset({192, 193, 194, 195, 516})
FORBIDDEN_CODES = frozenset({164, 497})
UNKNOWN_DATABASE_CODE = 81
TOO_LONG_CODE = 159
AWAY_CODES = frozenset({TOO_LONG_CODE, 202, 209, 210, 279, 394})
WORDS_LIMIT = 300
DATA_CODES = frozenset({6, 27, 32, 33, 38, 41, 53, 69, 70, 72, 117, 128, 131, 190, 321, 349, 407, 469, 636})
"""Codes that speak of values in an insert, not of the server or the statement."""
DATA_ERRORS = (TypeError, ValueError, AttributeError, OverflowError, LookupError, struct.error)
"""What the driver raises for a value that does not fit its column."""
T = TypeVar("T")


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer: names of the columns and rows of Python values in the same order."""

    names: tuple[str, ...]
    rows: list[tuple[Any, ...]]


class Streamed(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that is still coming: names of the columns, and rows as they arrive."""

    names: tuple[str, ...]
    rows: Iterator[tuple[Any, ...]]
    """Raises what the question may raise, also behind the first rows."""


class SqlError(UsageError):
    """The server does not accept a statement."""


class NoDatabaseError(UsageError):
    """The server does not have the database of the address."""


class RowsRefusedError(UsageError):
    """Some row of an insert does not fit its table."""


class ClickHouse:
    """A ClickHouse server, spoken to over its native protocol; connects on first use and again after a loss.

    Args:
        address: where it is and who asks.
        read_only: refuse statements that change something.
        timeout_s: how long a connection or an answer may take, s.
    """

    def __init__(self, address: Address, *, read_only: bool = False, timeout_s: float = 30.0) -> None:
        warnings.filterwarnings("ignore", module=r"clickhouse_driver\..*")
        logging.getLogger("clickhouse_driver").setLevel(logging.ERROR)
        self.address = address
        self._client = Client(
            host=address.host,
            port=address.port,
            user=address.user,
            password=address.password,
            database=address.database,
            secure=address.secure,
            **(address.tls.client_arguments() if address.secure else {}),
            connect_timeout=min(timeout_s, 10.0),
            send_receive_timeout=timeout_s,
            compression="lz4",
            settings={**SESSION_SETTINGS, **({"readonly": 2} if read_only else {})},
        )

    def insert(self, table: str, columns: Mapping[str, Any], token: str) -> None:
        """Write one batch at once; the same token twice writes once.

        Args:
            table: a table of this database.
            columns: values by column, all of one length; instants as microseconds UTC.
            token: stands for this batch of this table.

        Raises:
            DependencyAwayError: the server is away: write the same batch again later.
            LimitReachedError: its disk is full.
            RowsRefusedError: some value does not fit its column; nothing was written.
        """
        self._insert(table, columns, {"insert_deduplication_token": token})

    def refusal(self, table: str, columns: Mapping[str, Any]) -> str | None:
        """Why rows, given as for `insert`, would be refused; writes nothing.

        Returns:
            Words for a person; None when the rows would be taken.
        """
        trial = f"trial_{checked_identifier(table)}"
        self.command(f"CREATE TEMPORARY TABLE IF NOT EXISTS {trial} AS {table} ENGINE = Null")
        try:
            self._insert(trial, columns, {})
        except RowsRefusedError as error:
            return str(error)
        return None

    def _insert(self, table: str, columns: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        names = ", ".join(checked_identifier(name) for name in columns)
        try:
            self._ask(
                lambda: self._client.execute(
                    f"INSERT INTO {checked_identifier(table)} ({names}) VALUES",
                    [list(column) for column in columns.values()],
                    columnar=True,
                    settings={**INSERT_SETTINGS, **settings},
                )
            )
        except DATA_ERRORS as error:
            self._client.disconnect()
            raise RowsRefusedError(f"{table} does not take a value: {error}") from error

    def command(self, sql: str) -> None:
        """Run one statement that returns nothing."""
        self._ask(lambda: self._client.execute(sql))

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Answer a question, asked as `answer` is: rows of Python values."""
        return self.answer(sql, parameters).rows

    def answer(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Answer:
        """Answer a question, with the names of the columns.

        Args:
            sql: one query; values as `{name:Type}`.
            parameters: the values, put in by the server.

        Returns:
            Names and rows; both empty for a statement that returns nothing.

        Raises:
            SqlError: the server does not accept it.
            DependencyAwayError: the server is away.
        """
        result = self._ask(
            lambda: self._client.execute(
                sql, dict(parameters) if parameters else None, with_column_types=True
            )
        )
        if not isinstance(result, tuple):
            return Answer(names=(), rows=[])
        rows, columns = result
        return Answer(names=tuple(name for name, _ in columns), rows=rows)

    @contextmanager
    def streamed(self, sql: str) -> Iterator[Streamed]:
        """Answer a question of any length: no more than a block of it is held.

        Leaving before the last row hangs up, which ends the question on the server.

        Args:
            sql: one query.

        Yields:
            Names, and rows as they come.

        Raises:
            SqlError: the server does not accept it.
            LimitReachedError: the answer takes longer than the server allows.
            DependencyAwayError: the server is away.
        """
        coming = self._ask(lambda: self._client.execute_iter(sql, with_column_types=True))
        is_over = False

        def rows() -> Iterator[tuple[Any, ...]]:
            nonlocal is_over
            with self._in_plain_words(asking=True):
                yield from coming
            is_over = True

        try:
            with self._in_plain_words(asking=True):
                columns = next(coming, ())
            yield Streamed(names=tuple(name for name, _ in columns), rows=rows())
        finally:
            if not is_over:
                self.close()

    def check_version(self) -> str:
        """Ask for the server's version, for example `26.9.2.1`.

        Raises:
            UsageError: the server is older than this program can use.
        """
        version = str(self.rows("SELECT version()")[0][0])
        if tuple(int(part) for part in version.split(".")[:2]) < MINIMUM_VERSION:
            oldest = ".".join(map(str, MINIMUM_VERSION))
            raise UsageError(f"the ClickHouse at {self.address} is {version}: {oldest} or newer is needed")
        return version

    def close(self) -> None:
        """Hang up; a later call connects again."""
        self._client.disconnect()

    def _ask(self, call: Callable[[], T]) -> T:
        with self._in_plain_words():
            return call()

    @contextmanager
    def _in_plain_words(self, *, asking: bool = False) -> Iterator[None]:
        try:
            yield
        except errors.ServerException as error:
            if asking and error.code == TOO_LONG_CODE:
                words = f"the ClickHouse at {self.address} ended this question"
                mend = "ask for fewer rows at once, or for less to be computed"
                raise LimitReachedError(f"{words}: {shortened(error.message)} To mend it, {mend}.") from None
            raise _in_plain_words(error, self.address) from None
        except errors.TypeMismatchError as error:
            self._client.disconnect()
            raise RowsRefusedError(f"a value does not fit: {shortened(str(error))}") from error
        except (errors.Error, OSError, EOFError) as error:
            self._client.disconnect()
            refused = tls_trouble(str(error), str(self.address), secure=self.address.secure)
            if refused is not None:
                raise refused from None
            raise DependencyAwayError(f"no ClickHouse answers at {self.address}: is it running?") from error


def _in_plain_words(error: errors.ServerException, address: Address) -> OnlookerError:
    words = shortened(error.message)
    if error.code in DISK_FULL_CODES or "No space left on device" in error.message:
        return LimitReachedError(f"the disk of {address.place} is full: free some space and run it again")
    if error.code in NO_ACCESS_CODES:
        return UsageError(
            f"the ClickHouse at {address} refuses user {address.user!r}: check name and password"
        )
    if error.code == UNKNOWN_DATABASE_CODE:
        return NoDatabaseError(
            f"the ClickHouse at {address} has no database {address.database!r}: run `onlooker migrate`"
        )
    if error.code in CAPACITY_CODES:
        return LimitReachedError(f"the ClickHouse at {address} is at its limit: {words}")
    if error.code in AWAY_CODES:
        return DependencyAwayError(f"the ClickHouse at {address} did not answer: {words}")
    return _refusal(error.code, words)


def _refusal(code: int, words: str) -> UsageError:
    if code in DATA_CODES:
        return RowsRefusedError(f"ClickHouse does not take a value: {words}")
    forbidden = code in FORBIDDEN_CODES
    refusal = "only reading is allowed to this user" if forbidden else "ClickHouse does not accept this"
    return SqlError(f"{refusal}: {words}")


def shortened(message: str) -> str:
    """At most one line of a server's message, without its stack trace, prefixes and blank lines."""
    text = message.split("Stack trace:", maxsplit=1)[0].strip().removeprefix("DB::Exception: ")
    line = " ".join(text.split(" Expected one of:", maxsplit=1)[0].split())
    return line if len(line) <= WORDS_LIMIT else line[: WORDS_LIMIT - 1] + "…"


def create_database(address: Address) -> None:
    """Create the database of an address, as a user who may create it, if it does not exist.

    Raises:
        DependencyAwayError: the server is away.
        UsageError: it refuses.
    """
    server = ClickHouse(msgspec.structs.replace(address, database=""), timeout_s=5.0)
    try:
        server.command(f"CREATE DATABASE IF NOT EXISTS {checked_identifier(address.database)}")
    finally:
        server.close()
