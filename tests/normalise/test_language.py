"""The language of a report."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.normalise.language import UNKNOWN, language, primary

TEXTS = {
    "en": "The council voted on Tuesday to close three of the city's libraries, "
    "after months of protest by readers.",
    "de": "Der Stadtrat hat am Dienstag beschlossen, drei Büchereien zu "
    "schließen. Die Leser hatten monatelang protestiert.",
    "fr": "Le conseil municipal a décidé mardi de fermer trois bibliothèques, "
    "après des mois de protestations des lecteurs.",
    "es": "El ayuntamiento decidió el martes cerrar tres bibliotecas, tras "
    "meses de protestas de los lectores de la ciudad.",
    "pt": "A câmara municipal decidiu na terça-feira fechar três bibliotecas, "
    "após meses de protestos dos leitores.",
    "it": "Il consiglio comunale ha deciso martedì di chiudere tre biblioteche, "
    "dopo mesi di proteste da parte dei lettori.",
    "nl": "De gemeenteraad heeft dinsdag besloten drie bibliotheken te sluiten, "
    "na maanden van protest door de lezers.",
    "no": "Kommunestyret vedtok tirsdag å legge ned tre av byens biblioteker, "
    "etter flere måneder med protester fra leserne.",
    "ru": "Городской совет во вторник решил закрыть три библиотеки, несмотря "
    "на протесты читателей, которые длились месяцами.",
    "uk": "Міська рада у вівторок вирішила закрити три бібліотеки, попри "
    "протести читачів, що тривали кілька місяців.",
    "ar": "قرر مجلس المدينة يوم الثلاثاء إغلاق ثلاث مكتبات عامة بعد أشهر من احتجاجات القراء والسكان.",
    "zh": "市议会星期二决定关闭三家图书馆，读者为此抗议了好几个月，市长表示预算不足以维持这些图书馆。",
    "ja": "市議会は火曜日、三つの図書館を閉鎖することを決めた。利用者は何か月も抗議していた。",
    "vi": "Hội đồng thành phố hôm thứ Ba quyết định đóng cửa ba thư viện sau nhiều tháng người đọc phản đối.",
    "tr": "Belediye meclisi salı günü, okurların aylar süren protestolarının "
    "ardından üç kütüphaneyi kapatma kararı aldı.",
}


@pytest.mark.parametrize(("code", "text"), TEXTS.items())
def test_a_text_tells_its_language(code: str, text: str) -> None:
    """A sentence or two are enough, with no declaration, a right one or a wrong one."""
    assert language(text) == code
    assert language(text, declared=code) == code
    assert language(text, declared="xx") == code
    assert language(text, declared="en-US") == code


def test_the_owner_is_always_right() -> None:
    """What the configuration says stands against text and declaration."""
    assert language(TEXTS["de"], declared="de", known="pt-BR") == "pt"


@pytest.mark.parametrize("text", ["", "12:5", "Fox", "Merkel trifft Macron", "!!!", "iPhone 17 Pro"])
def test_a_text_that_does_not_tell_leaves_it_to_the_declaration(text: str) -> None:
    """Short texts are declared, or unknown."""
    assert language(text, declared="de-AT") == "de"
    assert language(text) == UNKNOWN


def test_a_short_title_overrules_a_declaration_that_cannot_be() -> None:
    """Blog software that says en-US over German titles is not believed."""
    assert language("Stadtrat beschließt die Schließung von drei Büchereien", declared="en-US") == "de"


def test_a_text_that_is_long_enough_overrules_a_near_relative() -> None:
    """Danish that is declared Norwegian, Galician that is declared Portuguese: the text knows better."""
    danish = (
        "Regeringen vil hæve afgiften på cigaretter næste år. Det siger skatteministeren "
        "efter et møde i Folketinget tirsdag."
    )
    galician = (
        "O goberno galego quere subir o imposto do tabaco o vindeiro ano, dixo o conselleiro "
        "este martes en Santiago."
    )
    assert language(danish, declared="no") == "da"
    assert language(galician, declared="pt") == "gl"
    assert language(danish[:52], declared="no") == "no"


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("en", "en"),
        ("EN-gb", "en"),
        (" pt_BR ", "pt"),
        ("zh-Hant-TW", "zh"),
        ("nb-NO", "no"),
        ("nn", "no"),
        ("ger", "de"),
        ("nob", "no"),
        ("yue", "zh"),
        ("iw", "he"),
        (None, None),
        ("", None),
        ("english", None),
        ("x-klingon", None),
        ("tlh", None),
        ("12", None),
        ("éé", None),
        ("-", None),
    ],
)
def test_a_tag_has_a_primary_code(tag: str | None, code: str | None) -> None:
    """Region, script and letter case are nothing to us; words and codes that ISO 639-1 lacks are no codes."""
    assert primary(tag) == code


@given(st.text(max_size=300), st.none() | st.text(max_size=30))
@settings(deadline=None)
def test_the_answer_is_always_a_code(text: str, declared: str | None) -> None:
    """Any text gives two letters or "und", and never an exception."""
    code = language(text, declared)
    assert code == UNKNOWN or (len(code) == 2 and code.isalpha() and code.islower())


def test_the_model_is_not_loaded_before_it_is_needed() -> None:
    """Importing is free; a known language needs no model."""
    script = (
        "import sys; from aggregator.normalise.language import language; "
        "language('Bonjour', known='fr'); print('py3langid' in sys.modules, 'numpy' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["False", "False"]
