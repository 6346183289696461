"""Who a database is: an id of its own, drawn once, whoever asks first and wherever its data is restored."""

import uuid

import msgspec

from schemas.errors import DependencyAwayError
from schemas.ports import RowStore

TABLE = "database_identity"
TOKEN = "identity"  # noqa: S105 - a token of an insert
THERE = f"SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = '{TABLE}'"  # noqa: S608
OLDEST = f"SELECT id FROM {TABLE} ORDER BY made_at, id LIMIT 1"  # noqa: S608 - a name of ours


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """A database, as others know it."""

    id: str
    """Of the form of a UUID."""
    place: str = ""
    """Where it was last seen, in words for a person."""

    def __str__(self) -> str:
        return f"{self.id} ({self.place})" if self.place else self.id


def known_identity(store: RowStore, place: str) -> Identity | None:
    """A database as others know it, `place` where it is; None while it has no id. Changes nothing.

    Raises:
        UsageError: the database has no tables, or this user may not read them.
    """
    found = store.rows(OLDEST)
    return Identity(id=str(found[0][0]), place=place) if found else None


def id_of(store: RowStore) -> str:
    """The id of a migrated database, which gets one if it has none.

    Several processes may ask at once: all insert under one token, the first insert stands.

    Raises:
        DependencyAwayError: a copy of the table has not heard of it yet: ask again later.
        UsageError: the database has no such table, or this user may not read it.
    """
    if not (found := store.rows(OLDEST)):
        store.insert(TABLE, {"id": [uuid.uuid4()]}, TOKEN)
        found = store.rows(OLDEST)
    if not found:
        raise DependencyAwayError(f"the table {TABLE} of this replica is not up to date yet")
    return str(found[0][0])
