"""The tables, with a reason beside each column; the migrations in ``migrations/`` lead here.

Two views, ``stories`` and ``story_reports``, and the small ``story_ids``, are part of the interface: people
read the database itself. Their columns only ever grow.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator


class Instant(TypeDecorator[datetime]):
    """An aware datetime in UTC: ``timestamptz`` on PostgreSQL, sortable ISO text on SQLite."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            message = f"a datetime without a zone came to the database: {value!r}"
            raise ValueError(message)
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = sa.MetaData()

_serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite counts up in INTEGER columns only


def _column(name: str, kind: Any, *constraints: Any, why: str, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, *constraints, comment=why, **options)


meta = sa.Table(
    "meta",
    metadata,
    _column("key", sa.Text, primary_key=True, why="what is known"),
    _column(
        "value",
        sa.Text,
        nullable=False,
        why="uuid: makes story ids unique among all databases; changes: how often a person changed stories",
    ),
)

source = sa.Table(
    "source",
    metadata,
    _column("name", sa.Text, primary_key=True, why="the name in the YAML"),
    _column(
        "address", sa.Text, nullable=False, why="validators belong to it and are dropped when it changes"
    ),
    _column("due", Instant, why="when to poll next; a restart polls nothing early"),
    _column("reason", sa.Text, nullable=False, why="why then, for a person"),
    _column("etag", sa.Text, why="validator, byte for byte"),
    _column("last_modified", sa.Text, why="validator, byte for byte"),
    _column("body_hash", sa.LargeBinary, why="an unchanged body is not parsed again"),
    _column("shown", sa.LargeBinary, why="digests of the last entries: unchanged ones are not read again"),
    _column("polled", Instant, why="last attempt"),
    _column("succeeded", Instant, why="last poll that ended well"),
    _column("gained", Instant, why="last poll that brought a report"),
    _column("status", sa.Integer, why="last HTTP status"),
    _column("failures", sa.Integer, nullable=False, why="in a row; the wait grows with it"),
    _column("error", sa.Text, why="of the last poll, if it failed"),
    _column("hint", sa.Text, why="the remedy"),
    _column("stopped", sa.Boolean, nullable=False, why="410 Gone: polled no more"),
    _column("interval", sa.Float, why="seconds; follows how often the feed publishes"),
    _column("moved_to", sa.Text, why="where permanent redirects lead"),
    _column("moved_since", Instant, why="day of the first of those equal answers"),
    _column("moved_last", Instant, why="day of the last of them"),
    _column("moved_days", sa.Integer, nullable=False, why="three days with equal answers: moved for good"),
    _column("answered", sa.Text, why="the address whose answer gave the validators"),
    _column("retry_after", Instant, why="the server asked to be left alone until then"),
    _column("ttl", sa.Integer, why="minutes that the feed asked to be left alone"),
    _column("skip_hours", sa.Integer, nullable=False, why="hours (GMT) to leave it alone, as bits"),
    _column("skip_days", sa.Integer, nullable=False, why="days (GMT) to leave it alone, as bits"),
    _column("polls", sa.Integer, nullable=False, why="count"),
    _column("fresh", sa.Integer, nullable=False, why="count of 200"),
    _column("unchanged", sa.Integer, nullable=False, why="count of 304"),
    _column("limited", sa.Integer, nullable=False, why="count of 429"),
    _column("failed", sa.Integer, nullable=False, why="count of failures"),
    _column("bytes_received", sa.BigInteger, nullable=False, why="of bodies, on the wire"),
    _column("bytes_saved", sa.BigInteger, nullable=False, why="that 304 and 226 answers saved, on the wire"),
    _column("body_bytes", sa.BigInteger, nullable=False, why="of the last whole body: what a 304 saves"),
)

pause = sa.Table(
    "pause",
    metadata,
    _column("name", sa.Text, primary_key=True, why="the host or domain; a restart leaves it alone too"),
    _column("scope", sa.Text, nullable=False, why="host, or domain: all of its hosts"),
    _column("until", Instant, nullable=False, why="when its sources may be polled again"),
    _column("reason", sa.Text, nullable=False, why="whose 429 it was, for a person"),
    _column("asked", sa.Boolean, nullable=False, why="Retry-After: not even a person polls earlier"),
    sqlite_with_rowid=False,
)

paused_source = sa.Table(
    "paused_source",
    metadata,
    _column("name", sa.Text, primary_key=True, why="of the source, as the configuration has it"),
    _column("since", Instant, nullable=False, why="when a person paused it"),
    _column("until", Instant, why="when it is polled again; null: when a person resumes it"),
)

report = sa.Table(
    "report",
    metadata,
    _column("id", _serial, primary_key=True, why="never given twice"),
    _column(
        "source",
        sa.Text,
        nullable=False,
        why="the source that showed it first; only its changes are revisions",
    ),
    _column("publisher", sa.Text, nullable=False, why="whose report it is"),
    _column("title", sa.Text, nullable=False, why="without the publisher's name; may be empty"),
    _column("text", sa.Text, nullable=False, why="without markup and boilerplate"),
    _column("authors", sa.JSON, nullable=False, why="list of names"),
    _column("language", sa.Text, nullable=False, why="ISO 639-1, or und"),
    _column("published", Instant, nullable=False, why="by the source, or when seen"),
    _column("dated", sa.Boolean, nullable=False, why="false: the source gave no date that can be"),
    _column("seen", Instant, nullable=False, why="when it came"),
    _column("url", sa.Text, why="where to read it"),
    _column("links", sa.JSON, nullable=False, why="further addresses"),
    _column("tags", sa.JSON, nullable=False, why="from the configuration and the entry"),
    _column("recipe", sa.Integer, nullable=False, why="version of the normaliser that made it"),
    _column("revised", Instant, why="when its text last changed"),
    _column("forgotten", Instant, why="when its text was let go; nothing revises it after that"),
    sa.Index("report_source", "source", "id"),
    sa.Index("report_publisher", "publisher", "id"),  # its newest reports are its voice
    sa.Index(
        "report_with_text",
        "seen",
        sqlite_where=sa.text("forgotten IS NULL"),
        postgresql_where=sa.text("forgotten IS NULL"),
    ),
    sqlite_autoincrement=True,
)

report_tag = sa.Table(
    "report_tag",
    metadata,
    _column("tag", sa.Text, primary_key=True, why="one of the report's, case folded, to find stories by it"),
    _column(
        "report_id",
        _serial,
        sa.ForeignKey("report.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        why="whose",
    ),
    sa.Index("report_tag_report", "report_id"),
    sqlite_with_rowid=False,
)

media = sa.Table(
    "media",
    metadata,
    _column(
        "report_id",
        _serial,
        sa.ForeignKey("report.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        why="whose",
    ),
    _column("image", sa.Text, why="address of its picture"),
    _column("enclosures", sa.JSON, nullable=False, why="list of files: url, type, length, duration"),
    _column("comments", sa.Text, why="address of the page of its comments"),
    _column("html", sa.Text, nullable=False, why="its text with markup, safe to show; empty where plain"),
)

report_key = sa.Table(
    "report_key",
    metadata,
    _column("key", sa.LargeBinary, primary_key=True, why="digest of one identity of the report"),
    _column(
        "report_id", _serial, sa.ForeignKey("report.id", ondelete="CASCADE"), nullable=False, why="whose"
    ),
    sa.Index("report_key_report", "report_id"),
    sqlite_with_rowid=False,
)

sighting = sa.Table(
    "sighting",
    metadata,
    _column(
        "report_id", _serial, sa.ForeignKey("report.id", ondelete="CASCADE"), primary_key=True, why="what"
    ),
    _column("source", sa.Text, primary_key=True, why="where it was shown"),
    _column("seen", Instant, nullable=False, why="when first"),
    _column("last", Instant, why="when last, to a week; what is still shown is not forgotten"),
    sa.Index("sighting_source", "source", "seen"),
    sqlite_with_rowid=False,
)

revision = sa.Table(
    "revision",
    metadata,
    _column(
        "report_id", _serial, sa.ForeignKey("report.id", ondelete="CASCADE"), primary_key=True, why="of what"
    ),
    _column("replaced", Instant, primary_key=True, why="until when this was its text"),
    _column("title", sa.Text, nullable=False, why="as it was"),
    _column("text", sa.Text, nullable=False, why="as it was"),
    sqlite_with_rowid=False,
)

sketch = sa.Table(
    "sketch",
    metadata,
    _column(
        "report_id", _serial, sa.ForeignKey("report.id", ondelete="CASCADE"), primary_key=True, why="of what"
    ),
    _column("recipe", sa.Text, nullable=False, why="what made it; another recipe means a new fingerprint"),
    _column("packed", sa.LargeBinary, nullable=False, why="features and signature, see dedup.fingerprint"),
)

band = sa.Table(
    "band",
    metadata,
    _column(
        "bucket",
        sa.Integer,
        primary_key=True,
        autoincrement=False,
        why="week it was seen: expires as one range",
    ),
    _column(
        "key",
        sa.BigInteger,
        primary_key=True,
        autoincrement=False,
        why="LSH key; reports that share one are candidates",
    ),
    _column(
        "report_id",
        _serial,
        primary_key=True,
        autoincrement=False,
        why="no foreign key: it is pruned by bucket",
    ),
    sa.Index("band_report", "report_id", "bucket"),
    sqlite_with_rowid=False,
)

story = sa.Table(
    "story",
    metadata,
    _column("id", _serial, primary_key=True, why="answers for ever"),
    _column("title", sa.Text, nullable=False, why="of the best report"),
    _column("best", _serial, why="the report that gives title and lead"),
    _column("created", Instant, nullable=False, why="when its first report came"),
    _column("updated", Instant, nullable=False, why="when it last gained something"),
    _column("merged_into", _serial, why="the story that took it over; always one that stands"),
    sa.Index("story_updated", "updated"),
    sa.Index("story_merged_into", "merged_into", "updated"),
    sqlite_autoincrement=True,
)

membership = sa.Table(
    "membership",
    metadata,
    _column(
        "report_id",
        _serial,
        sa.ForeignKey("report.id", ondelete="CASCADE"),
        primary_key=True,
        why="in one story only",
    ),
    _column("story_id", _serial, sa.ForeignKey("story.id"), nullable=False, why="which"),
    _column("copy_group", _serial, nullable=False, why="first report with the same text"),
    _column("joined", Instant, nullable=False, why="when"),
    _column(
        "evidence", sa.JSON, nullable=False, why="why: layer, score, bar, matched, signals, words, names"
    ),
    sa.Index("membership_story", "story_id"),
)

history = sa.Table(
    "history",
    metadata,
    _column("id", _serial, primary_key=True, why="order"),
    _column("at", Instant, nullable=False, why="when"),
    _column("story_id", _serial, nullable=False, why="the story that gained"),
    _column("what", sa.Text, nullable=False, why="merged, moved, parted, split or reclustered"),
    _column("from_story", _serial, nullable=False, why="the story that lost"),
    _column("report_id", _serial, why="the report that moved"),
    _column("score", sa.Float, nullable=False, why="what it had then"),
    _column("correction_id", _serial, why="the correction that did it; null: the merging itself"),
    sa.Index("history_story", "story_id"),
    sa.Index("history_from", "from_story"),
    sqlite_autoincrement=True,
)

correction = sa.Table(
    "correction",
    metadata,
    _column("id", _serial, primary_key=True, why="order: of two that contradict each other the newer counts"),
    _column("at", Instant, nullable=False, why="when a person said it"),
    _column("what", sa.Text, nullable=False, why="merge: one event; split: the last side is another event"),
    _column("story", _serial, nullable=False, why="the one that stayed, or that was split"),
    _column(
        "sides",
        sa.JSON,
        nullable=False,
        why="the stories then, each with id, title, reports and the ids that led to it",
    ),
    _column(
        "seats",
        sa.JSON,
        nullable=False,
        why="of a split: copy group, time and evidence of each report that it changed, to undo it",
    ),
    _column("undone", Instant, why="when it was taken back"),
    sqlite_autoincrement=True,
)

taken = sa.Table(
    "taken",
    metadata,
    _column("source", sa.Text, primary_key=True, why="the folder"),
    _column("digest", sa.LargeBinary, primary_key=True, why="SHA-256 of the file: twice in is once there"),
    _column("name", sa.Text, nullable=False, why="of the file, for people"),
    _column("at", Instant, nullable=False, why="when"),
    sqlite_with_rowid=False,
)

file_progress = sa.Table(
    "file_progress",
    metadata,
    _column("source", sa.Text, primary_key=True, why="the folder, or the archive's"),
    _column("digest", sa.LargeBinary, primary_key=True, why="SHA-256 of the whole file: it is that one"),
    _column("name", sa.Text, nullable=False, why="of the file; under another digest it is another file"),
    _column("at", Instant, nullable=False, why="when it came so far"),
    _column("place", sa.BigInteger, nullable=False, why="offset (row, in a table) from which to go on"),
    _column("lines", sa.BigInteger, nullable=False, why="before that, to number those that follow"),
    _column("records", sa.BigInteger, nullable=False, why="of these, the lines that are not empty"),
    _column("bad", sa.BigInteger, nullable=False, why="of these, the lines that hold no record"),
    _column("too_long", sa.BigInteger, nullable=False, why="of these, the lines over the limit"),
    _column("named", sa.JSON, nullable=False, why="numbers of the first bad lines, for the person"),
    sqlite_with_rowid=False,
)

page = sa.Table(
    "page",
    metadata,
    _column(
        "report_id",
        _serial,
        sa.ForeignKey("report.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        why="whose article page",
    ),
    _column("source", sa.Text, nullable=False, why="that asks for the full text"),
    _column("due", Instant, why="when to ask for it; null: never again"),
    _column("tries", sa.Integer, nullable=False, why="how often it was asked for"),
    _column("taken", sa.Boolean, nullable=False, why="the report's text is the page's"),
    _column("said", sa.Text, why="what came of the last try"),
    sa.Index("page_due", "source", "due"),
    sqlite_with_rowid=False,
)

subscription = sa.Table(
    "subscription",
    metadata,
    _column("source", sa.Text, primary_key=True, why="whose feed names a hub"),
    _column("hub", sa.Text, nullable=False, why="whom to ask"),
    _column("topic", sa.Text, nullable=False, why="by which address the hub knows the feed"),
    _column("token", sa.Text, nullable=False, why="the end of our own address; nobody can guess it"),
    _column("secret", sa.Text, nullable=False, why="signs what the hub sends"),
    _column("due", Instant, nullable=False, why="when to ask the hub next, or to renew"),
    _column("tries", sa.Integer, nullable=False, why="since it last confirmed; the wait grows with it"),
    _column("asked", Instant, why="a hub may ask back only after that"),
    _column("until", Instant, why="end of the lease: the feed is polled rarely until then"),
    _column("received", Instant, why="when the hub last sent something"),
    _column("said", sa.Text, why="what came of the last request, for people"),
    sa.Index("subscription_token", "token", unique=True),
    sqlite_with_rowid=False,
)

hub_subscription = sa.Table(
    "hub_subscription",
    metadata,
    _column("topic", sa.Text, primary_key=True, why="public address of a feed of ours"),
    _column("callback", sa.Text, primary_key=True, why="who is told what is new in it"),
    _column("secret", sa.Text, why="signs what is sent; null: it is not signed"),
    _column("until", Instant, nullable=False, why="end of the lease"),
    _column("due", Instant, nullable=False, why="not to be told before; after failures"),
    _column("tries", sa.Integer, nullable=False, why="failures in a row; the wait grows with it"),
    _column("sent", sa.Text, why="digest of what it has got; null: nothing yet"),
)

reader = sa.Table(
    "reader",
    metadata,
    _column(
        "id", _serial, primary_key=True, why="0 is whoever reads where nobody has a name, and has no row"
    ),
    _column("name", sa.Text, nullable=False, unique=True, why="to log in with"),
    _column("password", sa.Text, nullable=False, why="argon2 hash"),
    _column("created", Instant, nullable=False, why="when"),
    sqlite_autoincrement=True,
)

session = sa.Table(
    "session",
    metadata,
    _column("digest", sa.LargeBinary, primary_key=True, why="SHA-256 of the cookie; the cookie is not kept"),
    _column(
        "reader_id", _serial, sa.ForeignKey("reader.id", ondelete="CASCADE"), nullable=False, why="whose"
    ),
    _column("expires", Instant, nullable=False, why="when it is worth nothing any more"),
    sa.Index("session_reader", "reader_id"),
    sqlite_with_rowid=False,
)

token = sa.Table(
    "token",
    metadata,
    _column("digest", sa.LargeBinary, primary_key=True, why="SHA-256 of the token; the token is not kept"),
    _column(
        "reader_id", _serial, sa.ForeignKey("reader.id", ondelete="CASCADE"), nullable=False, why="whose"
    ),
    _column("name", sa.Text, nullable=False, why="what it is for, for people"),
    _column("scope", sa.Text, nullable=False, why="read, or write: marks and corrections too"),
    _column("created", Instant, nullable=False, why="when"),
    sa.Index("token_reader", "reader_id"),
    sqlite_with_rowid=False,
)

mark = sa.Table(
    "mark",
    metadata,
    _column("reader_id", _serial, primary_key=True, autoincrement=False, why="whose; 0: of whoever reads"),
    _column(
        "story_id",
        _serial,
        sa.ForeignKey("story.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        why="of what",
    ),
    _column("read", Instant, why="when it was read; null: it was not"),
    _column("voices", sa.Integer, nullable=False, why="independent texts that it had then"),
    _column("starred", Instant, why="when it was starred; null: it is not"),
    _column("muted", Instant, why="when it was muted; null: it is not"),
    _column("muted_until", Instant, why="until when; null: for ever, or until it has grown"),
    _column("muted_voices", sa.Integer, why="until it has so many independent texts; null: however many"),
    sa.Index("mark_story", "story_id"),
    sa.Index("mark_starred", "reader_id", "starred"),
    sqlite_with_rowid=False,
)

muted_word = sa.Table(
    "muted_word",
    metadata,
    _column("reader_id", _serial, primary_key=True, autoincrement=False, why="whose; 0: of whoever reads"),
    _column(
        "word", sa.Text, primary_key=True, why="stories with it in their title are left out; case folded"
    ),
    sqlite_with_rowid=False,
)

visit = sa.Table(
    "visit",
    metadata,
    _column("reader_id", _serial, primary_key=True, autoincrement=False, why="whose; 0: of whoever reads"),
    _column("began", Instant, nullable=False, why="when the present visit to the front page began"),
    _column("last", Instant, nullable=False, why="when the front page was last looked at"),
    _column("before", Instant, why="when the visit before that ended: what is newer is new to the reader"),
    sqlite_with_rowid=False,
)

delivery = sa.Table(
    "delivery",
    metadata,
    _column("id", _serial, primary_key=True, why="order: a target is told in this one"),
    _column("target", sa.Text, nullable=False, why="its name in the YAML"),
    _column(
        "story_id", _serial, sa.ForeignKey("story.id", ondelete="CASCADE"), nullable=False, why="of what"
    ),
    _column("queued", Instant, nullable=False, why="when the story fitted"),
    _column("due", Instant, nullable=False, why="when to try next"),
    _column("tries", sa.Integer, nullable=False, why="so far"),
    _column("ended", Instant, why="when it was delivered, or given up; null: it waits"),
    _column("said", sa.Text, why="what went wrong last; null: nothing"),
    sa.UniqueConstraint("target", "story_id", name="delivery_once"),
    sa.Index("delivery_waiting", "ended", "due"),
    sa.Index("delivery_story", "story_id"),
    sqlite_autoincrement=True,
)

VIEWS = {
    "stories": """
        SELECT s.id AS id, s.title AS title, b.url AS url, s.created AS created, s.updated AS updated,
               count(*) AS reports, count(DISTINCT lower(r.publisher)) AS publishers,
               count(DISTINCT m.copy_group) AS voices, s.best AS best_report
        FROM story s
        JOIN membership m ON m.story_id = s.id
        JOIN report r ON r.id = m.report_id
        LEFT JOIN report b ON b.id = s.best
        WHERE s.merged_into IS NULL
        GROUP BY s.id, s.title, b.url, s.created, s.updated, s.best""",
    "story_reports": """
        SELECT m.story_id AS story_id, r.id AS report_id, r.publisher AS publisher, r.source AS source,
               r.title AS title, r.text AS text, r.url AS url, r.language AS language,
               r.published AS published, r.dated AS dated, r.seen AS seen, r.revised AS revised,
               m.copy_group AS copy_group, m.joined AS joined, m.evidence AS evidence
        FROM membership m JOIN report r ON r.id = m.report_id""",
    "story_ids": """
        SELECT id AS id, coalesce(merged_into, id) AS story_id FROM story""",
}
"""The views, by name: ``stories`` (those that stand), ``story_reports``, ``story_ids`` (every id
ever shown, and the story it leads to today)."""
