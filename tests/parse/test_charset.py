"""Bytes become the text that their writer meant, whatever is declared."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.parse.charset import decode

RUSSIAN = "Пожар на складе: двое пострадавших"
JAPANESE = "東京で大きな地震がありました"
CHINESE = "北京今天下大雨交通受阻"
KOREAN = "서울에 폭설이 내렸다"
FRENCH = "L’été à Orléans : 40 °C – déjà"


def declared(encoding: str) -> bytes:
    return f'<?xml version="1.0" encoding="{encoding}"?>'.encode()


@pytest.mark.parametrize(
    ("text", "encoding", "label"),
    [
        (RUSSIAN, "utf-8", "utf-8"),
        (RUSSIAN, "utf-8", "windows-1251"),
        (RUSSIAN, "cp1251", "windows-1251"),
        (RUSSIAN, "koi8-r", "KOI8-R"),
        (RUSSIAN, "iso8859-5", "iso-8859-5"),
        (JAPANESE, "cp932", "Shift_JIS"),
        (JAPANESE, "euc_jp", "EUC-JP"),
        (JAPANESE, "iso2022_jp", "ISO-2022-JP"),
        (CHINESE, "gb2312", "gb2312"),
        (CHINESE, "gb18030", "GBK"),
        (CHINESE, "big5", "big5"),
        (KOREAN, "cp949", "euc-kr"),
        (FRENCH, "cp1252", "iso-8859-1"),
        (FRENCH, "cp1252", "us-ascii"),
        (FRENCH, "cp1252", "utf-8"),
        (FRENCH, "cp1252", "no-such-thing"),
        (FRENCH, "cp1252", "zip"),
        (FRENCH, "cp1252", "punycode"),
    ],
)
def test_what_is_declared_is_tried(text: str, encoding: str, label: str) -> None:
    """The declaration helps where it is right and does no harm where it is wrong."""
    assert decode(declared(label) + text.encode(encoding)).endswith(text)
    assert decode(text.encode(encoding), f"text/plain; charset={label}") == text


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_mark_at_the_start_decides(encoding: str) -> None:
    """A byte order mark is believed before anything that is declared, and is no part of the text."""
    assert decode(RUSSIAN.encode(encoding), "text/plain; charset=windows-1251") == RUSSIAN


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_wide_markup_without_a_mark(encoding: str) -> None:
    """UTF-16 is seen in the first two bytes of markup."""
    assert decode(f"<p>{RUSSIAN}</p>".encode(encoding)) == f"<p>{RUSSIAN}</p>"


def test_a_few_bad_bytes_do_not_turn_utf8_into_something_else() -> None:
    """One broken character costs that character."""
    body = (RUSSIAN * 3).encode() + b"\xff" + RUSSIAN.encode()
    assert decode(body, "text/xml; charset=iso-8859-1") == RUSSIAN * 3 + "\ufffd" + RUSSIAN


def test_characters_that_are_none_are_left_out() -> None:
    """NUL and the other controls that XML forbids are gone; ends of line are all alike."""
    assert decode(b"a\0b\x0bc\x1fd\r\ne\rf\tg\xef\xbf\xbf") == "abcd\ne\nf\tg"


def test_an_html_page_declares_in_its_head() -> None:
    """A ``meta`` element is a declaration too."""
    assert decode(b"<meta charset=koi8-r>" + RUSSIAN.encode("koi8-r")).endswith(RUSSIAN)


@given(st.binary(max_size=200), st.none() | st.text(max_size=60))
def test_any_bytes_give_some_text(body: bytes, content_type: str | None) -> None:
    """No bytes and no declaration can make it fail."""
    assert isinstance(decode(body, content_type), str)


def test_every_encoding_of_the_list_exists() -> None:
    """The list of encodings names none that Python lacks."""
    from aggregator.parse.charset import _KNOWN

    for encoding in {*_KNOWN, *_KNOWN.values()}:
        assert codecs.lookup(encoding)
