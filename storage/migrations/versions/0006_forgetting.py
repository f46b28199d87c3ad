"""When a text was let go, and when a source last showed a report.

Revision ID: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("report", sa.Column("forgotten", sa.DateTime(timezone=True), nullable=True))
    op.add_column("sighting", sa.Column("last", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "report_with_text",
        "report",
        ["seen"],
        unique=False,
        sqlite_where=sa.text("forgotten IS NULL"),
        postgresql_where=sa.text("forgotten IS NULL"),
    )
