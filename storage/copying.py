"""Copy a whole database into an empty one: the way from SQLite to PostgreSQL, and back.

Ids, evidence and the database's own uuid go along, so every story keeps its address.
"""

from __future__ import annotations

import sqlalchemy as sa

from aggregator.errors import StoreError
from storage import schema
from storage.database import Database

_ROWS = 1000  # in memory at a time


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
        if target.dialect.name == "postgresql":
            _count_on(target)
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


def _count_on(tx: sa.Connection) -> None:
    """New ids follow the highest that was copied: a sequence does not see ids that it has not given."""
    for table in schema.metadata.sorted_tables:
        column = table.autoincrement_column
        if column is None:
            continue
        highest = tx.execute(sa.select(sa.func.max(column))).scalar()
        if highest is not None:
            sequence = sa.func.pg_get_serial_sequence(table.name, column.name)
            tx.execute(sa.select(sa.func.setval(sequence, highest)))
