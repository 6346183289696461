"""Migrations for one server or for a cluster: a change of their text, the same for every statement."""

import re

import msgspec

NAMED = re.compile(
    r"\A(CREATE (?:OR REPLACE )?(?:TABLE|VIEW|MATERIALIZED VIEW)|ALTER TABLE|DROP (?:TABLE|VIEW))"
    r"\s+(IF (?:NOT )?EXISTS\s+)?(\w+)"
)
ENGINE = re.compile(r"^ENGINE = (\w*MergeTree)(?:\(([^)\n]*)\))?", re.MULTILINE)
WINDOW = re.compile(r"\bnon_replicated_deduplication_window = (\d+)")
PLACE = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'"
"""Where Keeper holds the copies together; the servers fill in their own macros."""
WINDOW_S = 7 * 24 * 3600
"""Tokens are remembered for a week: longer than a sink may be away with a batch begun, s."""


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """Where tables are made. Not tried here on a cluster: Keeper is not part of the embedded server."""

    cluster: str | None = None
    """Name of the cluster whose servers all make them; None: the one that is asked."""
    replicated: bool = False
    """With Replicated engines."""

    def statement(self, sql: str) -> str:
        """A statement of a migration as it is to be run here; running it again changes nothing."""
        return self._engine(NAMED.sub(self._name, sql, count=1))

    def _name(self, found: re.Match[str]) -> str:
        verb, condition, name = found.groups()
        if verb.startswith("CREATE") and "REPLACE" not in verb:
            condition = "IF NOT EXISTS "
        where = "" if self.cluster is None else f" ON CLUSTER '{self.cluster}'"
        return f"{verb} {condition or ''}{name}{where}"

    def _engine(self, sql: str) -> str:
        if not self.replicated:
            return sql
        return WINDOW.sub(
            rf"replicated_deduplication_window = \1, replicated_deduplication_window_seconds = {WINDOW_S}",
            ENGINE.sub(_replicated, sql),
        )


ONE_SERVER = Dialect()


def _replicated(found: re.Match[str]) -> str:
    arguments = ", ".join(filter(None, (PLACE, found[2])))
    return f"ENGINE = Replicated{found[1]}({arguments})"
