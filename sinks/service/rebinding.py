"""A group given to another database, or set back for one that was restored, while none of its sinks runs."""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from schemas.errors import UsageError
from sinks.service.binding import bound_commit
from sinks.service.feed import Bounds, Committed, NotOwnerError, TopicPartition
from sinks.service.offsets import Known, Note, Written, commit_of, note_of
from sinks.service.takeover import WrittenOf
from sinks.store.identity import Identity

Begin = Literal["earliest", "committed"]
"""Where a database begins: with all that the topics still have, or where the group is."""


class Group(Protocol):
    """A group from outside, none of whose sinks runs."""

    @property
    def group(self) -> str:
        """The group's name."""
        ...

    @property
    def anchor(self) -> TopicPartition:
        """The partition whose owner speaks for the group."""
        ...

    def incarnations(self) -> Mapping[TopicPartition, str]:
        """All partitions that there are, each with the id that the brokers gave to its topic."""
        ...

    def commits(self) -> Mapping[TopicPartition, Committed]:
        """All that the group has committed."""
        ...

    def bounds(self, tps: Sequence[TopicPartition]) -> Mapping[TopicPartition, Bounds]:
        """The offsets that the partitions hold now."""
        ...

    def commit(self, offsets: Mapping[TopicPartition, Committed]) -> None:
        """Commit; refused while a sink runs."""
        ...


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one partition."""

    tp: TopicPartition
    before: int | None
    """The offset that the group has committed; None: none."""
    after: Committed
    missing: tuple[int, int] | None
    """Offsets [from, until) whose rows the database has not and does not get."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A group, the databases that its commits name, and what giving it to another one changes."""

    group: str
    before: Sequence[Identity]
    database: Identity
    changes: Sequence[Change]


def plan_of(
    group: Group,
    written: WrittenOf,
    database: Identity,
    begin: Begin,
) -> Plan:
    """What is to be committed so that a group writes to a database; changes nothing.

    Args:
        group: none of whose sinks runs.
        written: says below which offset the database has each partition; none for those it has nothing of.
        database: that the group is to write to.
        begin: where it begins.

    Raises:
        UsageError: the topic that speaks for the group is missing.
    """
    incarnations, commits = group.incarnations(), group.commits()
    if group.anchor not in incarnations:
        raise UsageError(f"the brokers have no topic {group.anchor[0]}: run `onlooker topics create`")
    bounds, highest = group.bounds(sorted(incarnations)), written(incarnations)
    changes = [
        _change(
            Known(
                tp=tp,
                incarnation=incarnations[tp],
                committed=commits.get(tp),
                bounds=bounds[tp],
                written=highest.get(tp, Written()),
            ),
            database,
            begin,
        )
        for tp in sorted(incarnations)
        if tp in commits or tp == group.anchor
    ]
    named = {other.id: other for commit in commits.values() if (other := note_of(commit.note).database)}
    return Plan(group=group.group, before=[*named.values()], database=database, changes=changes)


def rebind(group: Group, plan: Plan) -> None:
    """Do as planned, in one request.

    Raises:
        UsageError: a sink of the group runs; nothing was changed.
        BrokerAwayError: nobody answers.
    """
    try:
        group.commit({change.tp: change.after for change in plan.changes})
    except NotOwnerError as error:
        raise UsageError(
            f"sinks of the group {plan.group} run, or ran until a moment ago: stop all of them, and try again"
        ) from error


def _change(known: Known, database: Identity, begin: Begin) -> Change:
    written, first = known.written.hi or 0, known.bounds.begin
    committed = known.committed
    if committed is None:
        after = commit_of(first, Note(topic=known.incarnation, database=database))
        return Change(tp=known.tp, before=None, after=after, missing=None)
    if note_of(committed.note).topic not in ("", known.incarnation):
        after = bound_commit(committed, database)
        return Change(tp=known.tp, before=committed.offset, after=after, missing=None)
    there = max(first, written)
    after = bound_commit(committed, database)
    if begin == "earliest" and there < committed.offset:
        # A batch that was begun is cut anew: its intent goes.
        after = commit_of(there, Note(topic=known.incarnation, database=database))
    missing = (written, after.offset) if written < after.offset else None
    return Change(tp=known.tp, before=committed.offset, after=after, missing=missing)
