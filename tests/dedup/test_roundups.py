"""Texts about many events, or none: known by their titles, and they join nothing."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from events import FIRE, FIRE_AGAIN

from aggregator.dedup import verdict
from aggregator.dedup.fingerprint import Sketch
from aggregator.dedup.roundups import is_roundup

WINDOW = timedelta(days=14)


@pytest.mark.parametrize(
    "title",
    [
        "Morning briefing: ferry fire, budget row and a lost cat",
        "Coronavirus: Evening update as testing is extended",
        "Your Monday briefing",
        "The papers: ‘Ferry inferno’ and ‘Budget blow’",
        "Newspaper headlines: Ferry fire on every page",
        "Weekly quiz: who said it?",
        "Quiz of the week",
        "Quick crossword No 16,001",
        "Letters to the Editor: On the ferry",
        "The week in pictures",
        "Photos of the day: 20 November",
        "Ask: Who is hiring? (November 2026)",
        "Open Thread 311",
        "TV tonight: a ferry thriller",
        "Horoscope for Friday",
        "Weekend roundup",
        "Die Morgenlage: Fähre, Haushalt, Wetter",
        "Presseschau vom Freitag",
        "Leserbriefe zur Fähre",
        "Revue de presse du 20 novembre",
        "L’essentiel de l’actu de vendredi",
        "Resumen de noticias del viernes",
        "Cartas al director",
        "Rassegna stampa di venerdì",
        "Resumo do dia: balsa e orçamento",
        "Nieuwsoverzicht van vrijdag",
        "Przegląd prasy",
    ],
)
def test_of_many_events_or_none(title):
    """Briefings, press reviews, quizzes, letters: in the languages that are listed."""
    assert is_roundup(title)


@pytest.mark.parametrize(
    "title",
    [
        FIRE[0],
        FIRE_AGAIN[0],
        "In pictures: ferry burns off Port Sallow",
        "Live: ferry on fire, passengers in boats",
        "What we know about the ferry fire",
        "Quiz show host Ines Marrow dies at 81",
        "Minister gives briefing on the ferry fire",
        "Update: all passengers of the ferry are safe",
        "Letter bomb found in the harbour office",
        "Sallow Weekly fined over ferry report",
        "Digest of the committee's findings delayed again by the minister",
        "Crossword setter Tom Brel honoured by the king",
        "",
    ],
)
def test_of_one_event(title):
    """Live blogs, explainers, news about quizzes and letters: they are not meant."""
    assert not is_roundup(title)


def test_it_joins_nothing_but_its_own_text(profile: Callable[..., Any]) -> None:
    """Whatever it mentions, and whoever comes second; the same text elsewhere is the same text."""
    fire, again = profile(FIRE, 1), profile(FIRE_AGAIN, 2)
    briefing = profile((f"Morning briefing: {FIRE[0]}", FIRE[1]), 3)
    assert verdict.judge(fire, [again], WINDOW)[0] > 0.6
    assert verdict.judge(fire, [briefing, again], WINDOW)[0] == 0.0
    assert verdict.judge(briefing, [fire], WINDOW)[0] == 0.0
    assert "many events" in (verdict.veto(fire, briefing, WINDOW) or "")
    assert verdict.judge(briefing, [profile((f"Morning briefing: {FIRE[0]}", FIRE[1]), 4)], WINDOW)[0] > 0.6


def test_it_is_kept_with_the_sketch(profile: Callable[..., Any]) -> None:
    """Packed and unpacked it is what it was."""
    briefing = profile(("Morning briefing: the ferry", FIRE[1]), 1).weighed
    assert briefing.roundup
    assert Sketch.unpack(briefing.sketch.pack()).flags.tolist() == briefing.sketch.flags.tolist()
