"""Tables of facts, column by column: which field of a fact each one is, and which rows a fact becomes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

from schemas.units import US_PER_MS

Columns = dict[str, list[Any]]
Offsets = list[int]
Column = Callable[[Sequence[Any], Sequence[Any]], list[Any]]
"""Makes the values of a column from the rows, and from the fact that each row is of."""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A table with rows of one kind of fact; made by `table`."""

    name: str
    columns: Mapping[str, Column]
    part: str | None = None
    """The field of the fact that is the row or the rows; None: the fact itself is the row."""
    many: bool = False
    """Whether that field holds any number of rows."""

    def filled(self, facts: Sequence[Any], offsets: Offsets) -> tuple[Columns, Offsets]:
        """The rows of facts of the table's kind, column by column.

        Returns:
            Values by column, and for each row the offset of its fact.
        """
        rows = self._parts(facts)
        if self.many:
            offsets = [offset for offset, part in zip(offsets, rows, strict=True) for _ in part]
            facts = [fact for fact, part in zip(facts, rows, strict=True) for _ in part]
            rows = [row for part in rows for row in part]
        return {name: column(rows, facts) for name, column in self.columns.items()}, offsets

    def values(self, column: str, facts: Sequence[Any]) -> list[Any]:
        """One column of a table with one row for each fact of its kind."""
        return self.columns[column](self._parts(facts), facts)

    def _parts(self, facts: Sequence[Any]) -> Sequence[Any]:
        return facts if self.part is None else [getattr(fact, self.part) for fact in facts]


def table(name: str, fact: type[Any], columns: str, part: str | None = None, **made: str | Column) -> Table:
    """A table whose columns are named as fields are, save for units.

    Args:
        name: of the table.
        fact: the Struct.
        columns: their names in order. A column is the field of its name, of the row or else of its fact;
            `*_ms` is the duration `*_us` rounded down to ms, `*_at` and the like are the instant `*_us`.
        part: the field of the fact that is its row or its rows; None: the fact itself.
        made: columns that are another field, or made by a function.

    Raises:
        ValueError: a column is neither made nor found, or made and not in the table.
    """
    hint = fact if part is None else get_type_hints(fact)[part]
    many = get_origin(hint) is tuple
    row = get_args(hint)[0] if many else hint
    found: dict[str, Column] = {}
    for column in columns.split():
        wanted = made.pop(column, column)
        found[column] = _found(wanted, row, fact) if isinstance(wanted, str) else wanted
    if made:
        raise ValueError(f"{name} has no columns {', '.join(made)}")
    return Table(name=name, columns=found, part=part, many=many)


def always(value: Any) -> Column:
    """A column that has one value in every row."""
    return lambda rows, facts: [value] * len(rows)  # noqa: ARG005


def _found(name: str, row: type[Any], fact: type[Any]) -> Column:
    bare = name.removesuffix("_ms").removesuffix("_at")
    for source, struct in (("rows", row), ("facts", fact)):
        for field in (name, f"{bare}_us"):
            if field in get_type_hints(struct):
                return _taking(source, field, get_type_hints(struct)[field], in_ms=name.endswith("_ms"))
    raise ValueError(f"{fact.__name__} has no field for the column {name}")


def _taking(source: str, field: str, hint: Any, *, in_ms: bool) -> Column:
    value = f"each.{field}"
    if in_ms and get_origin(hint) is tuple:
        return _lists_in_ms(_compiled(f"lambda rows, facts: [{value} for each in {source}]"))
    if in_ms and type(None) in get_args(hint):
        value = f"None if {value} is None else {value} // {US_PER_MS}"
    elif in_ms:
        value = f"{value} // {US_PER_MS}"
    return _compiled(f"lambda rows, facts: [{value} for each in {source}]")


def _lists_in_ms(taken: Column) -> Column:
    """Lists of durations in ms; equal ones are made once."""

    def made(rows: Sequence[Any], facts: Sequence[Any]) -> list[Any]:
        lists = taken(rows, facts)
        found = {us: [each // US_PER_MS for each in us] for us in dict.fromkeys(lists)}
        return [found[us] for us in lists]

    return made


def _compiled(loop: str) -> Column:
    """A loop with the field's name in its code: with attrgetter it takes twice as long."""
    column: Column = eval(loop)  # noqa: S307 - made above from names of Structs
    return column
