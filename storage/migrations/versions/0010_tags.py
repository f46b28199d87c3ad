"""Find reports by their tags: a feed of a rare one read all stories.

Revision ID: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_ROWS = 1000  # at a time


def upgrade() -> None:
    tagged = op.create_table(
        "report_tag",
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column(
            "report_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            sa.ForeignKey("report.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("tag", "report_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("report_tag_report", "report_tag", ["report_id"])
    report = sa.table("report", sa.column("id", sa.Integer), sa.column("tags", sa.JSON))
    connection, last = op.get_bind(), 0
    while rows := connection.execute(
        sa.select(report).where(report.c.id > last).order_by(report.c.id).limit(_ROWS)
    ).all():
        folded = {(tag.casefold(), row.id) for row in rows for tag in row.tags}
        if folded:
            op.bulk_insert(tagged, [{"tag": tag, "report_id": number} for tag, number in sorted(folded)])
        last = rows[-1].id
