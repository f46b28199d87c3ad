"""Find the newest reports of a publisher: they are its voice, and are asked for at each poll.

Revision ID: 0011
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("report_publisher", "report", ["publisher", "id"], unique=False)
