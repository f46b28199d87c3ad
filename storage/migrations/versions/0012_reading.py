"""Who reads, and what they have read, starred and muted.

Revision ID: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "reader",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("created", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
        sqlite_autoincrement=True,
    )
    for name, further in (
        ("session", [sa.Column("expires", _TIME, nullable=False)]),
        (
            "token",
            [
                sa.Column("name", sa.Text(), nullable=False),
                sa.Column("scope", sa.Text(), nullable=False),
                sa.Column("created", _TIME, nullable=False),
            ],
        ),
    ):
        op.create_table(
            name,
            sa.Column("digest", sa.LargeBinary(), nullable=False),
            sa.Column("reader_id", _ID, nullable=False),
            *further,
            sa.ForeignKeyConstraint(["reader_id"], ["reader.id"], ondelete="CASCADE"),
            sa.PrimaryKeyConstraint("digest"),
            sqlite_with_rowid=False,
        )
        op.create_index(f"{name}_reader", name, ["reader_id"], unique=False)
    op.create_table(
        "mark",
        sa.Column("reader_id", _ID, autoincrement=False, nullable=False),
        sa.Column("story_id", _ID, autoincrement=False, nullable=False),
        sa.Column("read", _TIME, nullable=True),
        sa.Column("voices", sa.Integer(), nullable=False),
        sa.Column("starred", _TIME, nullable=True),
        sa.Column("muted", _TIME, nullable=True),
        sa.Column("muted_until", _TIME, nullable=True),
        sa.Column("muted_voices", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["story_id"], ["story.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("reader_id", "story_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("mark_story", "mark", ["story_id"], unique=False)
    op.create_index("mark_starred", "mark", ["reader_id", "starred"], unique=False)
    op.create_table(
        "muted_word",
        sa.Column("reader_id", _ID, autoincrement=False, nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("reader_id", "word"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "visit",
        sa.Column("reader_id", _ID, autoincrement=False, nullable=False),
        sa.Column("began", _TIME, nullable=False),
        sa.Column("last", _TIME, nullable=False),
        sa.Column("before", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("reader_id"),
        sqlite_with_rowid=False,
    )
