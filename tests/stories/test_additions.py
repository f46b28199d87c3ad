"""What each report of a story adds to those before it."""

from datetime import timedelta

import pytest
from desk import Desk
from events import BUDGET, FIRE, FIRE_AGAIN, FIRE_LATER, NOON, chain, made
from hypothesis import given
from hypothesis import strategies as st

from aggregator.model import Member
from aggregator.stories import additions
from aggregator.stories.additions import contributions, differences, only_here, sentences
from storage import stories


def member(number: int, words: tuple[str, str], **given_: object) -> Member:
    """A report of a story; each is a text of its own unless it is told otherwise."""
    values: dict[str, object] = {
        "id": number,
        "source": f"Paper {number}",
        "publisher": f"Paper {number}",
        "title": words[0],
        "text": words[1],
        "language": "en",
        "published": NOON + timedelta(minutes=number),
        "dated": True,
        "seen": NOON,
        "url": None,
        "authors": (),
        "tags": (),
        "copy_group": number,
        "evidence": {},
        "joined": NOON,
    }
    return Member(**(values | given_))  # type: ignore[arg-type]


def added(*members: Member, best: int = 1) -> dict[int, list[str]]:
    return {each.report: [one.sentence for one in each.additions] for each in contributions(members, best)}


def test_the_best_report_says_all_that_it_has():
    """It comes first, whoever was first to publish, and every sentence of it is new."""
    found = added(member(1, BUDGET), member(2, FIRE), best=2)
    assert list(found) == [2, 1]
    assert found[2] == sentences(FIRE[1])


def test_a_reprint_in_other_marks_adds_nothing():
    """The same sentences, in another order and another dress."""
    again = " ".join(reversed(sentences(FIRE[1].replace("Twelve people", "Twelve  people"))))
    assert added(member(1, FIRE), member(2, (FIRE[0], again)))[2] == []


def test_each_link_of_a_chain_adds_its_last_sentence():
    """Of reports that follow each other, each with one new sentence, that one is what it adds."""
    reports = [member(number, words) for number, words in enumerate(chain(5), 1)]
    found = added(*reports)
    for report in reports[1:]:
        assert found[report.id] == sentences(report.text)[-1:]


@pytest.mark.parametrize(
    ("sentence", "adds"),
    [
        ("The ferry Aurelia caught fire on Thursday night, which startled many.", False),
        ("The ferry Aurelia caught fire on Thursday night, and burnt for 9 hours.", True),
        ("The ferry Aurelia caught fire on Thursday night, as Lena Voss saw.", True),
        ("Nobody knows why it happened, or who pays for repairs.", True),
    ],
)
def test_the_same_in_other_words_adds_nothing(sentence, adds):
    """Unless there is a number or a name in it that nobody had."""
    assert added(member(1, FIRE), member(2, ("", sentence)))[2] == [sentence] * adds


def test_copies_are_read_once():
    """One text in forty papers is one contribution."""
    found = added(member(1, FIRE), member(2, FIRE, copy_group=1), member(3, FIRE_AGAIN))
    assert list(found) == [1, 3]


def test_what_is_new_in_a_sentence_is_named():
    """Its names and numbers, and whether it quotes somebody."""
    later = ("Aurelia", 'Minister Olga Tenn promised 40 boats. "We were too slow for this," she said.')
    (_, found) = contributions([member(1, FIRE), member(2, later)], 1)
    assert [(one.names, one.numbers, one.quote) for one in found.additions] == [
        (("Olga", "Tenn"), ("40",), False),
        ((), (), True),
    ]


def test_numbers_that_differ_stand_side_by_side():
    """The same thing, counted differently; where all agree there is nothing to see."""
    one, other = (
        ("", "The crew saved 214 passengers and 12 dogs."),
        ("", "Boats took 198 passengers and 12 dogs."),
    )
    (row,) = differences([member(1, one), member(2, other)])
    assert (row.what, row.said) == ("passengers", ((1, "214"), (2, "198")))


def test_names_that_only_one_has():
    """Of a story of one report there are none: there is nobody to compare it with."""
    found = only_here([member(1, FIRE), member(2, FIRE_AGAIN)])
    assert "Captain" in found[1]
    assert not {"Aurelia", "Marrow"} & set(found[1])
    assert only_here([member(1, FIRE)]) == {}


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("One. Two! Three? Four…", 4),
        ("Dr. Brel met Mr. Tenn in the U.S. on Monday.", 1),
        ("“It burns.” He ran.", 2),
        ("火事です。全員無事です。", 2),
        ("A heading\nA sentence.", 2),
        ("It cost 1.5 million. Nobody paid.", 2),
    ],
)
def test_where_sentences_end(text, count):
    """At a mark that ends one, and not at that of an abbreviation or a decimal."""
    assert len(sentences(text)) == count


@given(
    st.lists(st.text(max_size=200), min_size=1, max_size=6), st.sampled_from(["en", "de", "ja", "und", "xx"])
)
def test_every_word_is_a_reports_own(texts, language):
    """Nothing is generated, whatever the texts are: each sentence stands so in its report."""
    members = [member(number, ("", text), language=language) for number, text in enumerate(texts, 1)]
    for each in contributions(members, 1):
        said = " ".join(members[each.report - 1].text.split())
        assert all(one.sentence.replace(" ", "") in said.replace(" ", "") for one in each.additions)
    differences(members)
    only_here(members)


def test_feeds_know_what_each_report_adds_while_the_story_stays(database, monkeypatch):
    """Looked for once, and anew when the story has changed; a story with one text has nothing to add."""
    asked = []
    real = additions.contributions
    monkeypatch.setattr(additions, "contributions", lambda *given: asked.append(given) or real(*given))
    desk = Desk(database)
    desk.take(made(FIRE, 0), made(BUDGET, 1))
    find = additions.Additions(most=2)

    def added() -> list[tuple[bool, ...]]:
        with database.reading() as tx:
            shown = stories.load(tx, [1, 2], database.uuid, whole=False)
        return [tuple(bool(member.adds) for member in story.members) for story in find(shown)]

    assert added() == [(False,), (False,)]
    assert asked == []
    desk.take(made(FIRE_AGAIN, 2))
    assert added() == added() == [(False, True), (False,)]
    assert len(asked) == 1
    desk.take(made(FIRE_LATER, 3))
    assert len(added()[0]) == 3
    assert len(asked) == 2


def test_a_text_that_is_cut_ends_with_a_whole_sentence():
    text = "It burns. " * 70
    assert additions._whole(text).split("\n")[-1] == "It burns."
    assert additions._whole("It bur") == "It bur"
