"""A dropped file of JSON lines of any length: taken whole, piece by piece, and resumed after a kill."""

import json

import pytest
from workbench import Bench, failing, item

from aggregator.errors import FolderError, ParseError, StoreError
from aggregator.fetch import json_lines
from aggregator.parse.sandbox import Parser
from aggregator.poll import lines as subject


def record(number: int) -> str:
    each = item(number)
    return json.dumps({"title": each["title"], "text": each["description"], "id": str(number)})


@pytest.fixture
def short(monkeypatch) -> None:
    """Pieces of three lines."""
    monkeypatch.setattr(json_lines, "MOST_LINES", 3)


def place(inbox: Bench):
    return inbox.rows("SELECT lines, records, bad, too_long FROM file_progress")


def test_more_lines_than_a_body_may_have_entries(tmp_path):
    """All are taken; `parse.max_entries` is for what is parsed at once."""
    (tmp_path / "drop").mkdir()
    inbox = Bench(tmp_path, {"name": "Inbox", "folder": tmp_path / "drop"}, parse={"max_entries": 5})
    inbox.drop("many.jsonl", "\n".join(map(record, range(40))))
    polled = inbox.poll()
    assert (polled.new, polled.refused, place(inbox)) == (40, (), [])
    assert inbox.lying() == {"done/many.jsonl"}


def test_a_failure_in_the_middle_resumes_there(inbox, short, monkeypatch):
    """What was committed is not read again, nothing is lost or doubled, the numbers of bad lines go on."""
    lines = [*map(record, range(4)), "bad", *map(record, range(4, 8)), "[]", record(8)]
    inbox.drop("many.jsonl", "\n".join(lines))
    asked: list[bytes] = []
    parse = Parser.parse

    async def counted(self, body, kind, **more):
        asked.append(body)
        return await parse(self, body, kind, **more)

    monkeypatch.setattr(Parser, "parse", counted)
    keep = subject.progress.keep
    with monkeypatch.context() as patch:

        def once(tx, *given):
            keep(tx, *given)
            if given[3].lines == 6:
                raise StoreError("the power is gone")

        patch.setattr(subject.progress, "keep", once)
        with pytest.raises(StoreError):
            inbox.poll()
    assert place(inbox) == [(3, 3, 0, 0)]
    assert len(inbox.titles()) == 3
    asked.clear()
    polled = inbox.poll()
    assert polled.refused == (
        "many.jsonl: 2 of 11 lines hold no record: line 5, 10 (its good entries were taken in)",
    )
    assert inbox.titles() == sorted(item(n)["title"] for n in range(9))
    assert asked[0].startswith(record(3).encode())
    assert place(inbox) == []


def test_a_file_that_is_replaced_begins_anew(inbox, short, monkeypatch):
    """Another content under the same name is another file; its old place is forgotten."""
    inbox.drop("many.jsonl", "\n".join(map(record, range(5))))
    failing(monkeypatch, subject.sources, "take", StoreError("the power is gone"))
    with pytest.raises(StoreError):
        inbox.poll()
    inbox.drop("many.jsonl", "\n".join(map(record, range(7))))
    polled = inbox.poll()
    assert (polled.new, len(inbox.titles()), place(inbox)) == (4, 7, [])


def test_a_file_that_changes_while_it_is_read_is_left_for_the_next_look(inbox, short, monkeypatch):
    """It stays where it is, and is then read whole."""
    inbox.drop("many.jsonl", "\n".join(map(record, range(12))))
    plus = subject.plus

    def grown(*given):
        with (inbox.folder / "drop/many.jsonl").open("a") as file:
            file.write("\n" + record(12 + len(grew)))
            grew.append(1)
        return plus(*given)

    grew: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr(subject, "plus", grown)
        patch.setattr(json_lines, "_BLOCK", 200)
        polled = inbox.poll()
    assert isinstance(polled.error, FolderError)
    assert "changed while it was read" in str(polled.error)
    assert inbox.lying() == {"many.jsonl"}
    inbox.poll()
    assert len(inbox.titles()) == 12 + len(grew)
    assert inbox.lying() == {"done/many.jsonl"}


def test_a_line_that_is_too_long_or_kills_the_parser_costs_itself(tmp_path, monkeypatch):
    """The others are taken, and both are named."""
    (tmp_path / "drop").mkdir()
    more = {"folders": {"settle": "0s", "max_line_bytes": 2000}}
    inbox = Bench(tmp_path, {"name": "Inbox", "folder": tmp_path / "drop"}, **more)
    lines = [record(0), json.dumps({"title": "x" * 3000}), record(1), '{"title": "poison"}', record(2)]
    inbox.drop("many.jsonl", "\n".join(lines))
    parse = Parser.parse

    async def dying(self, body, kind, **rest):
        if b"poison" in body:
            raise ParseError("the parser process died over it")
        return await parse(self, body, kind, **rest)

    monkeypatch.setattr(Parser, "parse", dying)
    polled = inbox.poll()
    assert polled.new == 3
    assert "2 of 5 lines hold no record: line 2, 4; 1 over folders.max_line_bytes" in polled.refused[0]


@pytest.mark.parametrize("text", ["\n\n\n\n", "no\njson\nhere\nat\nall"])
def test_a_file_without_a_record_says_what_one_is(inbox, short, text):
    """As one of any other kind."""
    inbox.drop("many.jsonl", text)
    polled = inbox.poll()
    assert "no line holds a record (a record is an object with any of: id," in polled.refused[0]
    assert place(inbox) == []
