"""Identifiers: what names one thing and no other, found in a text and brought into one form.

``CVE-2026-1234``, a DOI, an ISIN, a docket: two reports that share one tell of one thing, whoever wrote them;
under alike wording, different ones are different things. *Global* kinds mean the same everywhere. *Serial*
kinds (an episode, a version, a magnitude, a price) number the things of one source and only tell these apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple


class Identifier(NamedTuple):
    """One identifier.

    Attributes:
        kind: one of `KINDS`.
        value: in its one form, upper case.
    """

    kind: str
    value: str


_NUMBER = r"\d[\d,.]{0,15}"
_PATTERNS: Final = {
    "cve": r"\bCVE[-‐‑ ](\d{4}[-‐‑]\d{4,7})\b",
    "advisory": r"\b((?:GHSA(?:-[a-z0-9]{4}){3})|(?:RHSA|RHBA|ELSA|ALSA|SUSE-SU|FEDORA|openSUSE-SU)"
    r"-\d{4}[:-]\w{2,12}|(?:DSA|DLA|USN|GLSA|TALOS|ZDI|VU#|ICSA|VMSA|FG-IR)[- ]?\d[\d-]{2,12})\b",
    "doi": r"\b(10\.\d{4,9}/[^\s\"'<>,;]{2,80}[^\s\"'<>,;.)\]])",
    "arxiv": r"\barXiv:\s?(\d{4}\.\d{4,5})(?:v\d{1,2})?\b",
    "isin": r"\b([A-Z]{2}[A-Z0-9]{9}\d)\b",
    "docket": r"\b(?:No\.|Nos\.|Case|Docket|Az\.|Aktenzeichen|ECLI:[A-Z:]{2,12})\s?((?:\d{1,2}[:-])?"
    r"(?:\d{2,4}[-/](?:[a-z]{2,4}-)?\d{2,6}|[IVX]{1,4} ZR \d{1,4}/\d{2}))\b",
    "hash": r"\b(?=[a-f]*[0-9])([0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{32})\b",
    "flight": r"\b(?:flight|Flug|vol|vuelo)\s(?:number\s)?([A-Z][A-Z0-9]\s?\d{2,4})\b",
    "ticker": r"(?:\$|\b(?:NYSE|NASDAQ|LSE|TSX|ASX)\s?:\s?)([A-Z]{1,5})\b",
    "episode": r"(?:\b(?:ep|eps|episode|folge|épisode|episodio|aflevering|avsnitt)\.?\s?#?\s?"
    r"|\bS\d{1,2}\s?E)(\d{1,5})\b",
    "issue": r"(?:\b(?:issue|no|nr|ausgabe|numéro|vol|volume|week|woche|part|teil)\.?\s?|#)(\d{1,6})\b",
    "version": r"\b(?:v|version\s?|release\s?)?(\d{1,4}\.\d{1,5}(?:\.\d{1,6}){0,3}"
    r"(?:[-.]?(?:rc|beta|alpha|b|a)\.?\d{1,3})?)\b",
    "magnitude": r"\b(?:M[wlb]?|mag|magnitude|Magnitude|Stärke|magnitud)\s?(\d[.,]\d)\b",
    "coordinates": r"(-?\d{1,3}\.\d{1,5}°?\s?[NS]?[,; ]\s?-?\d{1,3}\.\d{1,5}°?\s?[EW]?)",
    "score": r"(?<![\d:.-])(\d{1,2}\s?[-–:]\s?\d{1,2})(?![\d:.%-])",
    "price": rf"(?:[$€£¥₹]\s?({_NUMBER})|({_NUMBER})\s?(?:[$€£¥₹]|EUR|USD|GBP)\b)",
    "date": r"\b(\d{4}-\d{2}-\d{2}|\d{1,2}[./]\d{1,2}[./](?:\d{4}|\d{2}))\b",
}
ROUNDUP: Final = Identifier("roundup", "")
"""No identifier, but kept as one: the title is of a text about many events, or none (`roundups`)."""

KINDS: Final = (*_PATTERNS, ROUNDUP.kind)
GLOBAL: Final = frozenset({"cve", "advisory", "doi", "arxiv", "isin", "docket", "hash"})
"""Kinds whose values mean one thing wherever they stand; the others number the things of one source."""

_IN_CASE = {"isin", "ticker", "flight", "score", "coordinates", "price", "date", "hash"}
_COMPILED = {
    kind: re.compile(pattern, 0 if kind in _IN_CASE else re.IGNORECASE) for kind, pattern in _PATTERNS.items()
}
_NUMBERS = re.compile(r"\d+")
_WITHOUT_NUMBERS = re.compile("ghsa", re.IGNORECASE)  # may have letters alone
_AROUND = 32  # characters on each side of a number, between which lies what it takes to be an identifier
_WORDS: Final = {  # in lower case: of these kinds, what one of must stand near a number
    "cve": ("cve",),
    "advisory": (
        *("rhsa", "rhba", "elsa", "alsa", "suse-su", "fedora", "dsa", "dla", "usn", "glsa", "talos"),
        *("zdi", "vu#", "icsa", "vmsa", "fg-ir"),
    ),
    "doi": ("10.",),
    "arxiv": ("arxiv:",),
    "docket": ("no.", "nos.", "case", "docket", "az.", "aktenzeichen", "ecli:"),
    "flight": ("flight", "flug", "vol", "vuelo"),
}
_MARKETS = ("$", "NYSE", "NASDAQ", "LSE", "TSX", "ASX")
_SHORTEST_HASH = 32
_CASELESS = str.maketrans({"ſ": "s", "ı": "i", "\u0307": None})  # what ignoring case takes for these letters
_MOST = 24  # of one text: a list of a hundred advisories tells of none
_LOOKED_AT = 1500  # characters of a text: what a report is about stands at its top


def identifiers(text: str) -> list[Identifier]:
    """The identifiers of a text, each once, in the order of `KINDS`; those of one kind as they stand."""
    head = text[:_LOOKED_AT]
    numbers = [match.span() for match in _NUMBERS.finditer(head)]
    if not (numbers or "$" in head or ":" in head or _WITHOUT_NUMBERS.search(head)):
        return []
    near = "\n".join(head[max(start - _AROUND, 0) : end + _AROUND] for start, end in numbers)
    lower = near.lower().translate(_CASELESS)
    found = dict.fromkeys(
        each for kind in _PATTERNS if _may_hold(kind, head, near, lower) for each in _of_kind(kind, head)
    )
    return list(found)[:_MOST]


def _may_hold(kind: str, head: str, near: str, lower: str) -> bool:
    """Whether a text may hold an identifier of this kind: a test that costs less than to look for it.

    Args:
        kind: one of `KINDS`.
        head: the text.
        near: what stands near its numbers; but for the first three kinds here, nothing is found elsewhere.
        lower: that in lower case.

    """
    if kind == "ticker":
        return any(market in head for market in _MARKETS)
    if kind == "hash":
        return max(map(len, head.split()), default=0) >= _SHORTEST_HASH
    if kind == "advisory" and "ghsa" in head.lower().translate(_CASELESS):
        return True
    words = _WORDS.get(kind)
    if words is not None and not any(word in lower for word in words):
        return False
    return bool(near) and _COMPILED[kind].search(near) is not None


def _of_kind(kind: str, text: str) -> Iterator[Identifier]:
    for match in _COMPILED[kind].finditer(text):
        value = next(group for group in match.groups() if group)
        if kind != "isin" or _checks(value):
            yield Identifier(kind, _plain(value))


def _plain(value: str) -> str:
    """One form: upper case, without spaces, one kind of dash and of decimal point."""
    folded = re.sub(r"[‐‑–]", "-", value).upper()
    return re.sub(r"[\s°]", "", folded).rstrip(".,")


def _checks(isin: str) -> bool:
    """Whether the last digit of an ISIN is the check digit of the others (ISO 6166, Luhn)."""
    digits = "".join(str(int(letter, 36)) for letter in isin)
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled // 10 + doubled % 10
    return total % 10 == 0
