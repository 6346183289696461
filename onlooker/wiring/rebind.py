"""Builds what gives a sink's group to a database: the group from outside, and the database."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from onlooker.settings.configuration import Settings
from onlooker.wiring.database import opened
from schemas.errors import UsageError
from schemas.kinds import kinds
from sinks.service.consumer import IdleGroup
from sinks.service.ledger import highest_written
from sinks.service.rebinding import Begin, Plan, plan_of, rebind
from sinks.store.clickhouse import NoDatabaseError, SqlError
from sinks.store.identity import known_identity


@contextmanager
def idle_group(settings: Settings) -> Iterator[IdleGroup]:
    """The group of the site's sinks, seen from outside."""
    topics = kinds().topics(lambda kind: kind.tables)
    with closing(IdleGroup(settings.kafka, topics, settings.sink)) as group:
        yield group


def execute_rebind(settings: Settings, begin: Begin, *, dry_run: bool) -> Plan:
    """Give the sink's group to the configured database, or say what that would change.

    Raises:
        UsageError: the database has no tables yet, or a sink runs.
        DependencyAwayError: a server is away.
    """
    with opened(settings) as store, idle_group(settings) as group:
        try:
            database = known_identity(store, store.address.name)
        except (NoDatabaseError, SqlError):
            database = None
        if database is None:
            raise UsageError(f"{store.address.place} has no tables yet: run `onlooker migrate`")
        plan = plan_of(group, lambda found: highest_written(store, found), database, begin)
        if not dry_run:
            rebind(group, plan)
    return plan
