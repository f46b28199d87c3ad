"""Full-text search over the reports: FTS5 on SQLite, kept in step by triggers; a GIN index on PostgreSQL.

Revision ID: 0014
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_UNSPACED = "('zh', 'ja', 'th', 'lo', 'my', 'km')"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE INDEX report_words ON report USING gin "
            "(to_tsvector('simple', left(title || ' ' || text, 100000)))"
        )
        return
    for table, tokenizer, condition in (
        ("report_words", "unicode61 remove_diacritics 2", "TRUE"),
        ("report_signs", "trigram", f"{{}}.language IN {_UNSPACED}"),
    ):
        old, new, row = (condition.format(name) for name in ("old", "new", "report"))
        op.execute(
            f"CREATE VIRTUAL TABLE {table} USING fts5"
            f"(title, text, content='report', content_rowid='id', tokenize='{tokenizer}')"
        )
        into = f"INSERT INTO {table}"
        put = f"{into} (rowid, title, text) VALUES (new.id, new.title, new.text);"
        drop = f"{into} ({table}, rowid, title, text) VALUES ('delete', old.id, old.title, old.text);"
        op.execute(f"CREATE TRIGGER {table}_put AFTER INSERT ON report WHEN {new} BEGIN {put} END")
        op.execute(f"CREATE TRIGGER {table}_drop AFTER DELETE ON report WHEN {old} BEGIN {drop} END")
        changed = f"AFTER UPDATE OF title, text, language ON report WHEN {old}"
        op.execute(f"CREATE TRIGGER {table}_gone {changed} BEGIN {drop} END")
        changed = f"AFTER UPDATE OF title, text, language ON report WHEN {new}"
        op.execute(f"CREATE TRIGGER {table}_come {changed} BEGIN {put} END")
        filled = f"{into} (rowid, title, text) SELECT id, title, text FROM report WHERE {row}"  # noqa: S608  # ours
        op.execute(filled)
