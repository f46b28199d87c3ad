"""Alembic migrations, run in the caller's transaction: a start with a new version brings the schema along."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from aggregator.errors import StoreError
from storage import schema


def scripts() -> ScriptDirectory:
    """The migrations in ``versions/``."""
    return ScriptDirectory(str(Path(__file__).parent))


def upgrade(connection: sa.Connection, target: str) -> None:
    """Run every migration between the database's version and `target`, in the open transaction.

    Raises:
        StoreError: the database is at a version that this code does not know.

    """
    directory = scripts()
    known = {script.revision for script in directory.walk_revisions()}
    context = MigrationContext.configure(
        connection,
        opts={
            "fn": lambda revision, _: directory._upgrade_revs(target, revision)
        },  # as alembic's own env.py does
    )
    present = context.get_current_revision()
    if present is not None and present not in known:
        raise StoreError(
            f"the database is at schema version {present}, which this version does not know",
            hint="a newer version has used it: install that one again, or restore a backup",
        )
    with Operations.context(context):
        context.run_migrations()
    _say_why(connection)


def _say_why(connection: sa.Connection) -> None:
    """The reason beside each column of the schema becomes its comment; SQLite has no place for one."""
    if connection.dialect.supports_comments:
        for table in schema.metadata.sorted_tables:
            for column in table.columns:
                connection.execute(sa.schema.SetColumnComment(column))
