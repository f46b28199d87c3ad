"""Identifiers are recognised as what they are, and brought into one form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.dedup.identifiers import (
    _LOOKED_AT,
    _MOST,
    _PATTERNS,
    KINDS,
    Identifier,
    _of_kind,
    identifiers,
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Patch for CVE-2026-12345 and cve-2026-12345", [("cve", "2026-12345")]),
        ("Fixed by GHSA-ab12-cd34-ef56", [("advisory", "GHSA-AB12-CD34-EF56")]),
        ("See RHSA-2026:1234", [("advisory", "RHSA-2026:1234")]),
        ("See doi 10.1234/harbour.7.", [("doi", "10.1234/HARBOUR.7")]),
        ("New on arXiv:2601.01234v2", [("arxiv", "2601.01234")]),
        ("Shares DE0007164600 fell", [("isin", "DE0007164600")]),
        ("No ISIN: DE0007164601", []),
        ("Harbour Radio Ep. 12", [("episode", "12")]),
        ("Folge 7 der Reihe", [("episode", "7")]),
        ("M 5.6 off Hestoy", [("magnitude", "5.6")]),
        ("Tarnvik 2–1 Hestoy", [("score", "2-1")]),
        ("The ferry sank off Tarnvik", []),
    ],
)
def test_what_is_found(text: str, found: list[tuple[str, str]]) -> None:
    """Kind and value; a decimal may be a version beside it."""
    assert [each for each in identifiers(text) if each.kind != "version"] == [
        Identifier(*each) for each in found
    ]


@given(st.text(max_size=300))
def test_any_text_ends_well(text: str) -> None:
    """Whatever stands there: known kinds, values that are not empty, none twice."""
    found = identifiers(text)
    assert all(each.kind in KINDS and each.value for each in found)
    assert len(found) == len(set(found))


def test_a_long_line_costs_little() -> None:
    """A text that is made to be slow is read only at its top."""
    assert identifiers("1.1" * 200_000) == identifiers(("1.1" * 200_000)[:1500])


_PIECES = st.sampled_from(
    [
        *("CVE-2026-12345", "GHSA-abcd-efgh-jkmn", "ghſa-ab12-cd34-ef56", "RHSA-2026:1234", "VU#123456"),
        *("DSA 1234-1", "FEDORA-2026-ab12", "10.1234/harbour.7", "arXıv: 2601.01234v2", "DE0007164600"),
        *("No. 1:26-cv-1234", "Aktenzeichen IX ZR 12/26", "ECLI:EU:C:26/123", "docſ 12-34", "Caſe 12/345"),
        *("ab" * 16, "0f" * 20, "flight number LH 123", "Flug AB12", "$TSLA", "NYSE: ABC", "S01 E02", "ſ2E3"),
        *("Épıſode #12", "avsnitt 7", "Week 12", "#7", "vol. 3", "v1.2.3-rc.1", "İssue 4", "M 5.6", "Mw6,1"),
        *("59.123°N, 10.5 E", "2–1", "12:30", "$1,200", "1200 EUR", "€ 3", "2026-03-01", "1.3.26", "٣.٤"),
        *("x" * 40, " ", "\n", ".", ",", "-", ":", "#", "$", "0", "12", "1234567890123456", "report", "ep"),
    ]
)


@given(st.lists(st.one_of(_PIECES, st.text(max_size=4)), max_size=30), st.sampled_from(["", " ", "\n"]))
def test_what_is_not_looked_for_is_not_there(pieces: list[str], between: str) -> None:
    """The cheap test before each kind leaves nothing out that looking for it would have found."""
    text = between.join(pieces)[:_LOOKED_AT]
    found = [each for kind in _PATTERNS for each in _of_kind(kind, text)]
    assert identifiers(text) == list(dict.fromkeys(found))[:_MOST]
