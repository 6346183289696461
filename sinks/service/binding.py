"""A group writes to one database: whose it is stands in its commits, and every other database is refused."""

import logging
from collections.abc import Mapping

import msgspec

from schemas.errors import DependencyAwayError, UsageError
from sinks.service.feed import Committed, Feed, Membership, TopicPartition
from sinks.service.offsets import Note, commit_of, note_of
from sinks.store.identity import Identity

log = logging.getLogger(__name__)
MEND = (
    "connect to that one, or, if it is to be this one from now on, stop all sinks and run `onlooker rebind`"
)


class OtherDatabaseError(UsageError):
    """The group writes to another database than this process would: nothing was written."""


class NotBoundError(DependencyAwayError):
    """The group is not bound yet, and another member is to do it: ask again later."""


def bind(membership: Membership, feed: Feed, database: Identity) -> None:
    """Make sure that the group writes to a database; to be called before anything is read for it.

    The owner of one partition, the anchor, binds a group that is nobody's. Its commit is fenced by the
    generation of the group: there is never more than one who binds.

    Args:
        membership: what this process owns.
        feed: knows the group's commits.
        database: that this process would write to.

    Raises:
        OtherDatabaseError: the group is bound to another one.
        NotBoundError: the owner of the anchor has not bound it yet.
        NotOwnerError: the group has gone on without this process.
    """
    anchor, owned = feed.anchor, sorted(membership.incarnations)
    committed = feed.committed(sorted({anchor, *owned}))
    refuse_other(feed.group, committed, database)
    if _database_of(committed.get(anchor)) is not None:
        return
    if anchor not in membership.incarnations:
        raise NotBoundError(
            f"the group {feed.group} is bound to no database yet: waits for the sink that owns partition "
            f"{anchor[1]} of {anchor[0]}; is that topic missing, or is that sink an older version?"
        )
    refuse_other(feed.group, feed.commits(), database)
    begin = feed.bounds([anchor])[anchor].begin
    before = committed.get(anchor) or commit_of(begin, Note(topic=membership.incarnations[anchor]))
    feed.commit({anchor: bound_commit(before, database)})
    log.warning("the group %s is bound to the database %s from now on", feed.group, database)


def bound_commit(commit: Committed, database: Identity) -> Committed:
    """The same commit, in the name of a database."""
    return commit_of(commit.offset, msgspec.structs.replace(note_of(commit.note), database=database))


def refuse_other(group: str, commits: Mapping[TopicPartition, Committed], database: Identity) -> None:
    """Refuse a database when commits of a group name another one.

    Raises:
        OtherDatabaseError: they do; those that name none are nobody's.
    """
    for commit in commits.values():
        other = _database_of(commit)
        if other is not None and other.id != database.id:
            raise OtherDatabaseError(
                f"the group {group} writes to the database {other}, and this one is {database}: {MEND}"
            )


def refuse_changed(group: str, database: Identity, there: str) -> None:
    """Before something is written: the database must be the one that was taken over with, `there` its id now.

    Raises:
        OtherDatabaseError: behind its address another one has come to stand.
    """
    if there != database.id:
        raise OtherDatabaseError(
            f"the group {group} writes to the database {database}, and {there} is there in its place: {MEND}"
        )


def _database_of(commit: Committed | None) -> Identity | None:
    return None if commit is None else note_of(commit.note).database
