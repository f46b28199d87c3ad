"""What is told to whom of which stories.

Revision ID: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "delivery",
        sa.Column("id", _ID, nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("story_id", _ID, nullable=False),
        sa.Column("queued", _TIME, nullable=False),
        sa.Column("due", _TIME, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("ended", _TIME, nullable=True),
        sa.Column("said", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["story_id"], ["story.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("target", "story_id", name="delivery_once"),
        sqlite_autoincrement=True,
    )
    op.create_index("delivery_waiting", "delivery", ["ended", "due"], unique=False)
    op.create_index("delivery_story", "delivery", ["story_id"], unique=False)
