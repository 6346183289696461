"""The floor of the sink: clickhouse-driver's own insert of columns that lie ready as numpy arrays."""

import importlib
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sinks.store.address import Address
from sinks.store.clickhouse import INSERT_SETTINGS, SESSION_SETTINGS

Table = tuple[str, Mapping[str, Sequence[Any]]]
"""A table and its columns as lists."""
NUMBERS = ("UInt8", "UInt32", "UInt64", "Int32", "Int64", "Float64")


def bare_client(address: Address) -> Any:
    """clickhouse-driver's client as it is, with numpy, lz4 and the sink's settings for inserts.

    Args:
        address: of the server.

    Returns:
        A client; the caller disconnects it.
    """
    # Not by the one door to this library: a floor must not go through what it is compared with.
    driver = importlib.import_module("clickhouse_driver")
    warnings.filterwarnings("ignore", module=r"clickhouse_driver\..*")
    return driver.Client(
        host=address.host,
        port=address.port,
        user=address.user,
        password=address.password,
        database=address.database,
        compression="lz4",
        settings={**SESSION_SETTINGS, **INSERT_SETTINGS, "use_numpy": True},
    )


def types_of(client: Any, table: str) -> dict[str, str]:
    """The type of each column of a table, by name."""
    return {row[0]: row[1] for row in client.execute(f"DESCRIBE TABLE {table}")}


def ready(columns: Mapping[str, Sequence[Any]], types: Mapping[str, str]) -> dict[str, Any]:
    """Columns as the driver takes them fastest.

    Args:
        columns: lists of plain values.
        types: ClickHouse's type of each.

    Returns:
        numpy arrays: of numbers, of instants, of objects for all else. The driver changes ids in place, so
        they serve once.
    """
    return {name: _array(values, types[name]) for name, values in columns.items()}


def _array(values: Sequence[Any], kind: str) -> Any:
    if isinstance(values, np.ndarray):
        return values.copy()
    if kind in NUMBERS:
        return np.array(values, dtype=kind.lower())
    if kind.startswith("DateTime64") and _whole(values):
        return np.array(values, dtype="datetime64[us]").astype("datetime64[ns]")
    objects = np.empty(len(values), dtype=object)
    objects[:] = list(values)
    return objects


def _whole(values: Sequence[Any]) -> bool:
    return isinstance(values[0], int | np.integer)


def bare_insert(client: Any, table: str, columns: Mapping[str, Any], token: str) -> None:
    """One insert and nothing around it.

    Args:
        client: of `bare_client`.
        table: its name.
        columns: of `ready`.
        token: stands for this batch of this table, as the sink's does.
    """
    client.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES",
        list(columns.values()),
        columnar=True,
        settings={"insert_deduplication_token": token},
    )
