"""Copy a whole database into an empty one: the way from SQLite to PostgreSQL, and back.

Ids, evidence and the database's own uuid go along, so every story keeps its address.
"""

from __future__ import annotations

import sqlalchemy as sa

from aggregator.errors import StoreError
from storage import schema
from storage.database import Database

_ROWS = 1000  # in memory at a time
_LAST = {
    "sqlite": sa.text("SELECT seq FROM sqlite_sequence WHERE name = :table"),
    "postgresql": sa.text("SELECT pg_sequence_last_value(pg_get_serial_sequence(:table, :id)::regclass)"),
}
"""The last id that a table has given."""


def copy_everything(old: Database, new: Database) -> dict[str, int]:
    """Copy every row, in one transaction; open `new` again afterwards, it has the uuid of `old` now.

    Args:
        old: is read as it stands at this moment; stop the service before, or what comes later stays behind.
        new: freshly made; nothing may be in it.

    Returns:
        How many rows each table got.

    Raises:
        StoreError: `new` is in use already, or it refused a row; it is as it was.

    """
    with old.reading() as source, new.writing() as target:
        if any(_holds_something(target, table) for table in schema.metadata.sorted_tables):
            raise StoreError(
                "the database to copy into holds something already", hint="make an empty one and name that"
            )
        target.execute(sa.delete(schema.meta))
        copied = {table.name: _copy(source, target, table) for table in schema.metadata.sorted_tables}
        _count_on(source, target)
    return copied


def _holds_something(tx: sa.Connection, table: sa.Table) -> bool:
    if table is schema.meta:
        return False  # the uuid, which every database has from the beginning
    return tx.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is not None


def _copy(source: sa.Connection, target: sa.Connection, table: sa.Table) -> int:
    rows, total = source.execution_options(yield_per=_ROWS).execute(sa.select(table)).mappings(), 0
    for part in rows.partitions():
        target.execute(sa.insert(table), [dict(row) for row in part])
        total += len(part)
    return total


def _count_on(source: sa.Connection, target: sa.Connection) -> None:
    """New ids follow the last one that was ever given, also where all that had the last ones is forgotten."""
    for table in schema.metadata.sorted_tables:
        if (column := table.autoincrement_column) is not None:
            last = source.execute(
                _LAST[source.dialect.name], {"table": table.name, "id": column.name}
            ).scalar()
            if last is not None:
                _go_on(target, table.name, column.name, int(last))


def _go_on(tx: sa.Connection, table: str, column: str, last: int) -> None:
    if tx.dialect.name == "postgresql":
        sequence = sa.func.pg_get_serial_sequence(table, column)
        tx.execute(sa.select(sa.func.setval(sequence, last)))
    else:
        tx.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = :table"), {"table": table})
        counter = sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :last)")
        tx.execute(counter, {"table": table, "last": last})
