"""Builds what gives a sink's group to a database: the group from outside, and the database."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from onlooker.settings.configuration import Settings
from onlooker.wiring.database import opened
from schemas.errors import UsageError
from schemas.kinds import kinds
from sinks.service.binding import refuse_other
from sinks.service.consumer import IdleGroup
from sinks.service.ledger import highest_written
from sinks.service.offsets import note_of
from sinks.service.rebinding import Begin, Plan, plan_of, rebind
from sinks.store.clickhouse import ClickHouse
from sinks.store.identity import THERE, Identity, known_identity


@contextmanager
def idle_group(settings: Settings) -> Iterator[IdleGroup]:
    """The group of the site's sinks, seen from outside."""
    topics = kinds().topics(lambda kind: kind.tables)
    with closing(IdleGroup(settings.kafka, topics, settings.sink)) as group:
        yield group


def bound_to(settings: Settings) -> tuple[str, Identity, bool]:
    """The sinks' group, the configured database, and whether the group is bound to it.

    Raises:
        OtherDatabaseError: it is bound to another one.
        UsageError: the database has no tables yet.
        DependencyAwayError: a server is away.
    """
    with opened(settings) as store, idle_group(settings) as group:
        database, commits = _identity(store), group.commits()
        refuse_other(group.group, commits, database)
        return group.group, database, any(note_of(each.note).database for each in commits.values())


def execute_rebind(settings: Settings, begin: Begin, *, dry_run: bool) -> Plan:
    """Give the sink's group to the configured database, or say what that would change.

    Raises:
        UsageError: the database has no tables yet, or a sink runs.
        DependencyAwayError: a server is away.
    """
    with opened(settings) as store, idle_group(settings) as group:
        plan = plan_of(group, lambda found: highest_written(store, found), _identity(store), begin)
        if not dry_run:
            rebind(group, plan)
    return plan


def _identity(store: ClickHouse) -> Identity:
    found = known_identity(store, store.address.name) if store.rows(THERE)[0][0] else None
    if found is None:
        raise UsageError(f"the database {store.address.name} has no identity yet: run `onlooker migrate`")
    return found
