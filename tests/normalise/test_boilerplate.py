"""What is cut out of a text, and what stays."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.normalise.boilerplate import LONGEST_LINE, clean, is_boilerplate

REPORT = "A fire destroyed a warehouse in Leeds on Friday. Nobody was hurt."

LINES = [
    "Read more",
    "READ MORE…",
    "Read more »",
    "Continue reading…",
    "[Continue reading]",
    "Continue reading the main story",
    "More to come.",
    "Weiterlesen",
    "Zum vollständigen Artikel →",
    "Lire la suite",
    "Seguir leyendo",
    "Leia mais",
    "Leggi tutto »",
    "Lees verder",
    "Läs mer",
    "Czytaj dalej",
    "Читать далее",
    "Devamını oku",
    "Xem thêm",
    "続きを読む",
    "阅读全文",
    "اقرأ المزيد",
    "Subscribe",
    "Subscribe now!",
    "Sign up to our newsletter",
    "Sign up for our free daily newsletter and never miss a story",
    "Subscribe to our channel",
    "Get the morning newsletter in your inbox",
    "Follow us on Twitter",
    "Follow us on X and Facebook!",
    "Follow @example_news on Instagram",
    "Find us on Facebook: https://facebook.example/news",
    "Facebook: https://facebook.example/news",
    "Follow Example News: https://example.org/follow",
    "Visit our website - https://example.org/",
    "Our channel: https://video.example/c Facebook - https://fb.example/n Web: https://n.example #News",
    "Suivez-nous sur Telegram",
    "Síguenos en Facebook",
    "Подписывайтесь на наш канал",
    "Share this",
    "Share this article with friends",
    "Click to share on Facebook (Opens in new window)",
    "Advertisement",
    "Anzeige",
    "Publicité",
    "Реклама",
    "Story continues below advertisement",
    "Scroll down for video",
    "Comments",
    "READ MORE: Ten more fires that shook the north",
    "Related: Warehouse had failed inspection",
    "Lesen Sie auch: Der Brand von 1994",
    "Lire aussi : l'incendie de 1994",
    "Lea también: El incendio de 1994",
    "Читайте также: Пожар 1994 года",
    "Baca juga: Kebakaran 1994",
    "© 2026 Example Media Ltd",
    "Copyright 2026 The Example Press. All rights reserved. This material may not be published.",
    "(c) 2026 Example",
    "Alle Rechte vorbehalten",
    "This article originally appeared on example.com.",
    "(Reporting by Ann Example; Editing by Bob Sample)",
    "Additional reporting by Ann Example in Leeds; Writing by Bob Sample",
    "Our Standards: The Thomson Reuters Trust Principles.",
    "submitted by /u/reader to r/news [link] [comments]",
    "[link] [comments]",
    "#Leeds #Fire #ExampleNews",
    "https://example.org/video/1",
    "* * *",
    "———",
]

STAYS = [
    REPORT,
    "Children should read more",
    "The minister said he wanted people to subscribe to the idea.",
    "More than 100 people died in floods https://example.org/x",
    "The old page https://a.example now leads to a casino, and so does https://b.example since Friday",
    "Copyright law is changing in Europe, and publishers are alarmed.",
    "Share prices fell by 3 % on Friday",
    "Follow-up talks begin on Monday",
    "Advertisement spending fell in the third quarter",
    "Signing up to our alliance was a mistake, the president said",
    "Like others on YouTube, the collector lives on advertisements.",
    "The report first appeared in 1998 and shook the industry",
    "Comments by the bank's president moved the markets",
    "(c) is the third case",
    "Читать далее он не стал.",
    "Related species live in Asia",
    "Loading of the ships began on Monday",
    "Read more" + "x" * LONGEST_LINE,
]

ENDINGS = [
    " […]",
    " [...]",
    "[…]",
    " [+1234 chars]",
    " [Read more...]",
    " (more…)",
    " Read more",
    " Read more »",
    " Continue reading…",
    " Continue reading...",
    " Continue reading the main story",
    " Weiterlesen …",
    " Lire la suite",
    " Читать далее",
    "続きを読む",
    " All rights reserved.",
    " Continue reading Warehouse burns →",
    " The post Warehouse burns appeared first on Example News.",
    " […] The post The post office burns appeared first on Example News.",
    " Der Beitrag Lager brennt erschien zuerst auf Beispiel.",
    " La entrada Arde un almacén se publicó primero en Ejemplo.",
    " […] Read more",
]

DATELINES = {
    "(Reuters) - A fire": "A fire",
    "LEEDS (Reuters) - A fire": "LEEDS - A fire",
    "LEEDS, England, Dec 2 (Reuters) - A fire": "LEEDS, England, Dec 2 - A fire",
    "LEEDS, England (AP) — A fire": "LEEDS, England - A fire",
    "Berlin (dpa/bb) - Ein Feuer": "Berlin - Ein Feuer",
    "PARIS (AFP) – Un incendie": "PARIS - Un incendie",
    "MOSCOW, December 2. /TASS/. A fire": "MOSCOW, December 2 - A fire",
    "(CNN) A fire": "A fire",
    "The union (TUC) - and others - object": "The union (TUC) - and others - object",
    "The agency Reuters (Reuters) reported a fire": "The agency Reuters (Reuters) reported a fire",
    "(Reuters)": "(Reuters)",
    "May 24, 2026 5:00 AM A fire": "A fire",
    "Nov. 2, 2026, 17:05 GMT - A fire": "A fire",
    "2026-11-02 17:05 | A fire": "A fire",
    "May 24, 2026 5:00 AM (CNN) A fire": "A fire",
    "May 24, 2026 17:00 Mt Sorrel smokes": "Mt Sorrel smokes",
    "May 24, 2026 5:00 AM EST-listed shops burn": "May 24, 2026 5:00 AM EST-listed shops burn",
    "May 24, 2026 was the day of the fire": "May 24, 2026 was the day of the fire",
    "May 24, 2026 5:00 AM": "May 24, 2026 5:00 AM",
}


@pytest.mark.parametrize("line", LINES)
def test_a_line_that_the_tables_know_is_removed(line: str) -> None:
    """Wherever it stands, the report around it stays whole."""
    assert is_boilerplate(line)
    assert (
        clean(f"{line}\n\n{REPORT}\n\n{line}\n\nA second paragraph.\n{line}")
        == f"{REPORT}\n\nA second paragraph."
    )


@pytest.mark.parametrize("line", STAYS)
def test_a_line_of_the_report_stays(line: str) -> None:
    """Words that boilerplate also uses do not make a sentence boilerplate."""
    assert clean(f"{REPORT}\n\n{line}") == f"{REPORT}\n\n{line}"


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_known_ending_is_cut_off(ending: str) -> None:
    """An invitation or a mark behind the last sentence goes, the sentence stays."""
    assert clean(REPORT + ending) == REPORT


@pytest.mark.parametrize(("line", "expected"), DATELINES.items())
def test_a_dateline_keeps_its_place_and_loses_its_agency(line: str, expected: str) -> None:
    """Only an agency in brackets or slashes at the very beginning is one; and a day with its hour goes."""
    assert clean(line) == expected
    assert clean(f"{REPORT}\n\n{line}") == f"{REPORT}\n\n{line}"


def test_a_first_line_that_repeats_the_title_goes() -> None:
    """Letters are compared, not case nor punctuation; a later line stays, and so does one that goes on."""
    titles = ("Fire destroys warehouse in Leeds", "Fire destroys warehouse in Leeds - Example News")
    assert clean(f"FIRE DESTROYS WAREHOUSE, in Leeds!\n\n{REPORT}", titles) == REPORT
    assert clean(f"Fire destroys warehouse in Leeds – Example News\n{REPORT}", titles) == REPORT
    assert clean(f"{REPORT}\n\n{titles[0]}", titles) == f"{REPORT}\n\n{titles[0]}"
    assert clean(f"{titles[0]} on Friday", titles) == f"{titles[0]} on Friday"


def test_a_text_without_a_title_is_never_cleaned_away() -> None:
    """Something always remains of a report."""
    assert clean("Read more") == "Read more"
    assert clean("Read more", ("A title",)) == ""
    assert clean("A title", ("A title",)) == ""


def test_paragraphs_stay_apart() -> None:
    """A blank line between paragraphs is one blank line after a removal too."""
    assert clean("One.\n\nAdvertisement\n\nTwo.\nThree.\n\n\n\nFour.") == "One.\n\nTwo.\nThree.\n\nFour."


lines = st.sampled_from([*LINES, *STAYS, *DATELINES, REPORT, ""]) | st.text(max_size=50)


@given(st.lists(st.builds("{}{}".format, lines, st.sampled_from(["", *ENDINGS])), max_size=6).map("\n".join))
@settings(deadline=None)
def test_nothing_is_added_and_nothing_raises(text: str) -> None:
    """A cleaned text is never longer than the text, whatever stands in it."""
    assert len(clean(text)) <= len(text) + len(" - ")


@pytest.mark.parametrize(
    "hostile",
    [
        "[…]" * 70_000,
        "Read more " * 20_000,
        "The post " * 22_000,
        " appeared first on " * 10_000,
        ("follow us " * 29 + "\n") * 700,
        ("[link] " * 40 + "\n") * 700,
        ("#a" * 140 + "!\n") * 700,
        ("all rights " * 26 + "\n") * 700,
        "(" * 200_000,
        " " * 200_000,
        "\n" * 200_000,
        "." * 200_000,
        ("a.b" * 90 + "\n") * 700,
    ],
)
def test_hostile_texts_take_linear_time(hostile: str) -> None:
    """200,000 characters made to hurt are done at once (the bound is a safety net)."""
    began = time.process_time()
    clean(hostile, ("a title",))
    assert time.process_time() - began < 5
