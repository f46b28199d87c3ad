"""What a source showed and when, without reading what all others showed.

Revision ID: 0002
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("sighting_source", "sighting", ["source", "seen"], unique=False)
