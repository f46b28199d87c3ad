"""Bytes to text, whatever the source says about its encoding.

What is declared is wrong so often that the bytes themselves are asked first: a text of more than a few
letters is not valid UTF-8 by accident. Declared encodings are taken from a list: Python knows some that are
no text at all (``zip``), and some that take for ever on input made for it (``punycode``).
"""

from __future__ import annotations

import codecs
import re

_MARKS = (
    # The four-byte mark of UTF-32 starts with that of UTF-16.
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Markup and JSON without a byte order mark: the first character is one of these, in two bytes.
_WIDE = {b"<\0": "utf-16-le", b"\0<": "utf-16-be", b"{\0": "utf-16-le", b"\0{": "utf-16-be"}

# Python's name of what is declared, to what browsers make of it: mostly the superset that people really use.
_KNOWN = {
    "ascii": "cp1252",
    "big5": "big5hkscs",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "shift_jis": "cp932",
    "tis-620": "cp874",
} | {
    name: name
    for name in (
        *("big5hkscs", "cp932", "cp949", "euc_jp", "gb18030", "iso2022_jp", "iso2022_kr", "johab"),
        *("cp437", "cp850", "cp852", "cp866", "cp874", "koi8-r", "koi8-u", "mac-cyrillic", "mac-roman"),
        *(f"cp{number}" for number in range(1250, 1259)),
        *(f"iso8859-{number}" for number in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)),
    )
}
_PARAMETER = re.compile(r"charset\s{0,5}=\s{0,5}[\"']?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
_XML = re.compile(rb"<\?xml[^>]{0,200}?encoding\s{0,5}=\s{0,5}[\"']([A-Za-z0-9_.:-]{1,40})")
_META = re.compile(rb"<meta[^>]{0,200}?charset\s{0,5}=\s{0,5}[\"']?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
_ASCII = bytes(range(128))
_ESCAPE = 0x1B  # how the seven-bit encodings of Japan and Korea shift; no text in UTF-8 has it
# XML forbids them, nothing shows them, and a database stops at the first NUL.
_FORBIDDEN = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def decode(body: bytes, content_type: str | None = None) -> str:
    """The text of a body, without control characters; what cannot be read becomes U+FFFD.

    Args:
        body: bytes of a feed, a page or a text file.
        content_type: the ``Content-Type`` field that came with it, if any.
    """
    return _FORBIDDEN.sub("", _read(body, content_type).replace("\r\n", "\n").replace("\r", "\n"))


def _read(body: bytes, content_type: str | None) -> str:
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(encoding, "replace")
    if encoding := _WIDE.get(body[:2], ""):
        return body.decode(encoding, "replace")
    declared = _declared(body, content_type)
    if _ESCAPE in body and (shifting := [name for name in declared if name.startswith("iso2022")]):
        return body.decode(shifting[0], "replace")
    try:
        return body.decode()
    except UnicodeDecodeError:
        return _mostly_utf8(body) or _as_declared(body, declared)


def _mostly_utf8(body: bytes) -> str | None:
    """The text, where it is UTF-8 with a fault here and there; elsewhere most high bytes are faults."""
    text = body.decode("utf-8", "replace")
    return text if text.count("\ufffd") * 10 <= len(body.translate(None, _ASCII)) else None


def _as_declared(body: bytes, declared: list[str]) -> str:
    for encoding in declared:
        try:
            return body.decode(encoding)
        except UnicodeDecodeError:
            continue
    return body.decode("cp1252", "replace")


def _declared(body: bytes, content_type: str | None) -> list[str]:
    labels = [match[1] for match in [_PARAMETER.search((content_type or "")[:1000])] if match]
    labels += [match[1].decode() for pattern in (_XML, _META) if (match := pattern.search(body[:4096]))]
    names = []
    for label in labels:
        try:
            name = codecs.lookup(label).name
        except LookupError:
            continue
        if name in _KNOWN:
            names.append(_KNOWN[name])
    return names
