"""Count publishers whatever the case of their names: "FOX News" and "Fox News" are one.

Revision ID: 0009
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DROP VIEW stories")
    op.execute(
        """CREATE VIEW stories AS
        SELECT s.id AS id, s.title AS title, b.url AS url, s.created AS created, s.updated AS updated,
               count(*) AS reports, count(DISTINCT lower(r.publisher)) AS publishers,
               count(DISTINCT m.copy_group) AS voices, s.best AS best_report
        FROM story s
        JOIN membership m ON m.story_id = s.id
        JOIN report r ON r.id = m.report_id
        LEFT JOIN report b ON b.id = s.best
        WHERE s.merged_into IS NULL
        GROUP BY s.id, s.title, b.url, s.created, s.updated, s.best"""
    )
