"""Numbered migrations: which there are, which have run, whether one was changed since, running the rest."""

import hashlib
import re
from collections.abc import Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable

import msgspec

from schemas.errors import CheckFailedError, UsageError
from schemas.ports import RowStore
from sinks.store.dialect import ONE_SERVER, Dialect

FILE_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
DANGEROUS = re.compile(
    r"^\s*(DROP|TRUNCATE|DELETE|ALTER\s+TABLE\s+\S+\s+(DROP|DELETE|CLEAR))\b", re.IGNORECASE
)
LEDGER = """CREATE TABLE schema_migrations
(
    number UInt32 COMMENT 'number of the migration',
    name String COMMENT 'its name',
    sha256 String COMMENT 'digest of its file when it ran',
    applied_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') COMMENT 'when it ran'
)
ENGINE = ReplacingMergeTree
ORDER BY number
COMMENT 'Migrations that have run on this database'"""
KNOWN_LEDGER = (
    "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'schema_migrations'"
)


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    """One numbered file of SQL statements."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Digest of the file."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def statements(self) -> tuple[str, ...]:
        """The statements, in order, without comment lines."""
        lines = [line for line in self.sql.splitlines() if not line.lstrip().startswith("--")]
        parts = (part.strip() for part in re.split(r";\s*(?:\n|$)", "\n".join(lines)))
        return tuple(part for part in parts if part)

    @property
    def dangerous(self) -> tuple[str, ...]:
        """First lines of the statements that destroy data."""
        return tuple(s.splitlines()[0] for s in self.statements if DANGEROUS.match(s))


def released(folder: Traversable | None = None) -> tuple[Migration, ...]:
    """The migrations of this release by number, which counts from 1 without a gap.

    Args:
        folder: where the files lie; the package's own by default.

    Raises:
        CheckFailedError: a file has another kind of name, or a number is missing or doubled.
    """
    place = folder or files("schemas").joinpath("clickhouse")
    found = sorted((f for f in place.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    migrations = tuple(_read(file) for file in found)
    if [m.number for m in migrations] != list(range(1, len(migrations) + 1)):
        raise CheckFailedError("the migrations must be numbered from 1 without a gap")
    return migrations


def pending(store: RowStore, migrations: Sequence[Migration]) -> tuple[Migration, ...]:
    """The migrations of this release that have not run on a database, in order; changes nothing.

    Raises:
        CheckFailedError: one that has run is not what it was, or the database is newer than this program.
    """
    applied = _applied(store)
    for migration in migrations:
        if applied.get(migration.number, migration.sha256) != migration.sha256:
            raise CheckFailedError(
                f"migration {migration.number:04} {migration.name} was changed after it ran here: "
                "restore its file and write a new migration instead"
            )
    if applied and max(applied) > len(migrations):
        raise CheckFailedError("the database was made by a newer version of onlooker: install that version")
    return tuple(m for m in migrations if m.number not in applied)


def migrate(
    store: RowStore,
    migrations: Sequence[Migration],
    *,
    allow_dangerous: bool = False,
    dialect: Dialect = ONE_SERVER,
) -> tuple[Migration, ...]:
    """Run what has not run yet; several processes may do so at once.

    Args:
        store: the database.
        migrations: those of this release.
        allow_dangerous: also run statements that destroy data.
        dialect: for one server or for a cluster.

    Returns:
        What ran.

    Raises:
        UsageError: a statement would destroy data and was not allowed to; nothing ran.
        CheckFailedError: as for `pending`.
    """
    left = pending(store, migrations)
    doomed = [f"{m.number:04} {m.name}: {line}" for m in left for line in m.dangerous]
    if doomed and not allow_dangerous:
        raise UsageError(f"would destroy data, say --allow-dangerous to run it: {'; '.join(doomed)}")
    if left:
        store.command(dialect.statement(LEDGER))
    for migration in left:
        _run(store, migration, dialect)
    return left


def _run(store: RowStore, migration: Migration, dialect: Dialect) -> None:
    for statement in migration.statements:
        store.command(dialect.statement(statement))
    columns = {"number": [migration.number], "name": [migration.name], "sha256": [migration.sha256]}
    store.insert("schema_migrations", columns, f"migration:{migration.number}")


def _applied(store: RowStore) -> dict[int, str]:
    if not store.rows(KNOWN_LEDGER)[0][0]:
        return {}
    rows = store.rows("SELECT number, sha256 FROM schema_migrations FINAL ORDER BY number")
    return {int(number): str(sha256) for number, sha256 in rows}


def _read(file: Traversable) -> Migration:
    match = FILE_NAME.fullmatch(file.name)
    if match is None:
        raise CheckFailedError(f"{file.name} is not a migration's name: expected 0001_name.sql")
    return Migration(number=int(match[1]), name=match[2], sql=file.read_text(encoding="utf-8"))
