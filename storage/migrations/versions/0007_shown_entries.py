"""What each source showed last, so that entries that have not changed are not read again.

Revision ID: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("source", sa.Column("shown", sa.LargeBinary(), nullable=True))
