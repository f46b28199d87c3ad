"""What stands in a text and is no part of the report: invitations to read on or to subscribe, credits.

Two reports with such lines look alike and tell different stories. Removed are whole short lines that the
tables know, known endings of a line ("… [Read more]"), a first line that is the title again, the day and hour
before the first words, and the name of the agency in a dateline, whose place stays: ``LEEDS (Reuters) - A
fire`` becomes ``LEEDS - A fire``. All else stays, and so does a sentence that merely holds such words.

The patterns see a line of at most `LONGEST_LINE` characters, or so many at its end, and every repeat in them
is bounded, so that the time is linear in the text: 10 MB a second.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

LONGEST_LINE = 400
"""Characters of the longest line that can be removed as a whole."""

_END = 80  # characters at the end of a line in which its ending is looked for
_NAME = 7  # words of the longest name before an address in a list of them, and the address
_ENDINGS_AT_MOST = 5  # one after the other, on one line

_INVITATIONS = """
    read more|read on|read full article|read full story|read the full article|read the full story|see more
    continue reading|continue reading the main story|keep reading|click here to read more|view more|more
    full story|view original|view full article|learn more|find out more|click here|more to come
    weiterlesen|mehr lesen|lesen sie mehr|mehr dazu|zum artikel|zum vollständigen artikel|mehr
    lire la suite|lire plus|lire l'article|lire l’article|lire la suite de l'article|en savoir plus
    leer más|seguir leyendo|sigue leyendo|leer la noticia completa|leer noticia completa|ver más
    leia mais|ler mais|continue lendo|continue a ler|continuar lendo|saiba mais
    leggi tutto|leggi di più|continua a leggere|continua|leggi l'articolo|leggi l’articolo
    lees meer|lees verder|verder lezen|läs mer|läs hela artikeln|les mer|les hele saken|læs mere|lue lisää
    czytaj dalej|czytaj więcej|více|číst dál|číst více|čítať ďalej|tovább olvasom|citește mai mult
    читать далее|читать полностью|читать дальше|подробнее|далее|читати далі|читати повністю|докладніше
    devamını oku|devamı|haberin devamı|διαβάστε περισσότερα|xem thêm|đọc tiếp|baca selengkapnya|selengkapnya
    続きを読む|続きを見る|もっと読む|阅读全文|閱讀全文|查看全文|阅读更多|繼續閱讀
    더보기|더 보기|전문 보기
    اقرأ المزيد|المزيد|قراءة المزيد|ادامه مطلب|और पढ़ें|पूरी खबर पढ़ें|আরও পড়ুন|קרא עוד|המשך קריאה
"""
_FURNITURE = """
    subscribe|subscribe now|subscribe today|subscribe here|sign up|sign up now|sign up here|log in|register
    share|share this|share article|tweet|email|print|save|copy link|comments|comment|leave a comment
    view comments|no comments|post a comment|link|advertisement|advertising|ad|sponsored|promoted
    scroll down for video|scroll down for videos|scroll to continue|view gallery|video loading|loading
    please wait|back to top|skip to content|related|related coverage|related articles|related stories
    see all related|more stories|most read|recommended|you may also like|trending|watch live|watch now
    getty images|file photo|image source|media caption|this video can not be played
    anzeige|werbung|teilen|drucken|kommentare|newsletter|abonnieren|jetzt abonnieren
    publicité|partager|s'abonner|abonnez-vous|commentaires|publicidad|compartir|suscríbete|suscribirse
    publicidade|compartilhar|partilhar|assine|assine já|pubblicità|condividi|abbonati|advertentie|delen
    annons|annonse|annonce|dela|reklama|reklám|udostępnij|реклама|поделиться|подписаться|підписатися|reklam
    paylaş|διαφήμιση|quảng cáo|chia sẻ|iklan|bagikan|広告|シェアする|广告|廣告|分享|광고|공유|إعلان|شارك
"""
_RIGHTS = (
    "all rights reserved|alle rechte vorbehalten|tous droits réservés|todos los derechos reservados|"
    "todos os direitos reservados|tutti i diritti riservati|alle rechten voorbehouden|"
    "alla rättigheter förbehållna|wszelkie prawa zastrzeżone|все права защищены|усі права захищено"
)
_OTHER_REPORTS = (
    "read more|read also|also read|read next|see also|related|more on this|don't miss|recommended|"
    "lesen sie auch|lesen sie mehr|mehr zum thema|lire aussi|à lire aussi|à lire|voir aussi|lea también|"
    "lea además|te puede interesar|ver también|leia também|leia mais|veja também|leggi anche|lees ook|"
    "läs också|läs även|les også|læs også|lue myös|czytaj także|czytaj też|zobacz także|čtěte také|"
    "читайте также|смотрите также|читайте також|по теме|ayrıca oku|xem thêm|đọc thêm|baca juga|"
    "あわせて読みたい|関連記事|اقرأ أيضا|اقرأ أيضًا|यह भी पढ़ें"
)
_NETWORK = (
    "(?:twitter|x|facebook|instagram|youtube|telegram|whatsapp|linkedin|tiktok|bluesky|mastodon|threads|"
    "google news|flipboard|pinterest|reddit|viber)"
)


def _phrases(table: str) -> frozenset[str]:
    return frozenset(
        phrase.strip() for line in table.splitlines() for phrase in line.split("|") if phrase.strip()
    )


_READ_ON = _phrases(_INVITATIONS)
_ALONE = _READ_ON | _phrases(_FURNITURE)

_REST = r"(?:[^.!?]|\.(?=\w)){0,100}"  # to the end of the sentence; the dots of an address are not its end
_LINES = re.compile(
    "|".join(
        (
            rf"sign up (?:here |now |today )?(?:for|to) (?:our|the|my) [^.]{{0,60}}newsletters?\b{_REST}",
            rf"sign up (?:here|now|today|for free)\b{_REST}",
            rf"subscribe (?:now |here |today |for free )?to (?:our|my) {_REST}",
            rf"get (?:our|the) [^.]{{0,60}}newsletters?\b{_REST}",
            rf"(?:follow|(?:like|find|join) us)[^.]{{1,60}}on {_NETWORK}\b{_REST}",
            r"(?:follow|like|join|find|visit|subscribe|check)\b[^.]{0,60}[:–-] ?https?://\S{1,200}",
            rf"(?:{_NETWORK}|(?:our )?website|web|site|podcast|newsletter)(?: ?[:–-] ?| )https?://\S{{1,200}}",
            rf"download our [^.]{{0,40}}app\b{_REST}",
            rf"share this (?:article|story|post|page|video)\b{_REST}",
            rf"(?:click to )?(?:share|email|tweet|pin|post)(?: this)? (?:on|via|to) {_NETWORK}\b{_REST}",
            rf"click to (?:share|email|print|tweet)\b{_REST}",
            rf"have (?:something|anything) to (?:add|say)\b[^.?]{{0,40}}\? ?{_REST}",
            rf"please enable javascript\b{_REST}",
            r"(?:story|article|post) continues (?:below|after)\b[^.]{0,40}",
            rf"(?:abonnieren sie|folgen sie uns|folgt uns|melden sie sich für)\b{_REST}",
            rf"(?:abonnez-vous|inscrivez-vous|suivez-nous)\b{_REST}",
            rf"(?:suscríbete|suscríbase|síguenos|síganos)\b{_REST}",
            rf"(?:assine nossa|assine nosso|inscreva-se|siga-nos)\b{_REST}",
            rf"(?:iscriviti|seguici|abbonati)\b{_REST}",
            rf"(?:подписывайтесь|подпишитесь|підписуйтесь|підписуйтеся)\b{_REST}",
            rf"(?:{_OTHER_REPORTS}) ?[:：>|].{{1,200}}",
            r"(?:copyright )?(?:©|\(c\) ?(?=\d{4})|copyright (?=\d{4})).{0,200}",
            rf"[^.]{{0,80}}(?:{_RIGHTS})",
            rf"this (?:article|story|post) (?:was )?(?:first |originally )(?:appeared|published)\b{_REST}",
            r"\(?(?:additional |with )?(?:reporting|writing|compiled) by [^.;]{1,120}[;,.] ?"
            r"(?:additional |writing |editing )[^.]{1,120}\)?",
            r"our standards: the thomson reuters trust principles",
            r"(?:submitted by /?u/\S{1,40}(?: to /?r/\S{1,40})? ?)?(?:\[link\])?(?: ?\[comments\])?",
            r"image (?:source|copyright|caption),? .{1,80}",
            r"(?:#\w{1,60}[ ,]{0,3}){1,30}",
            r"https?://\S{1,250}",
        )
    )
)

_ENDING = re.compile(
    r"(?:\[(?:…|\.{2,3}|\+\d{1,7} chars|(?:read more|continue reading|more)[^\]]{0,40})\]"
    r"|\((?:read more|more|continued)(?:…|\.{2,3})?\)"
    r"|(?<=[.!?…\"”’»)\]。！？])\s{0,5}(?:"
    # a short word may be the last one of the report
    + "|".join(
        [*(re.escape(p) for p in sorted(_READ_ON) if " " in p or len(p) > 8 or not p.isascii()), _RIGHTS]
    )
    + r"))[\s.…:»›>→]{0,10}$",
    re.IGNORECASE,
)

_SENTENCE_ENDS = frozenset('.!?…"”’»)]。！？')
_CREDITS = (
    # how a sentence begins that blog software adds at the end, and what stands in its middle
    ("The post ", " appeared first on "),
    ("The article ", " appeared first on "),
    ("Der Beitrag ", " erschien zuerst auf "),
    ("L’article ", " est apparu en premier sur "),
    ("L'article ", " est apparu en premier sur "),
    ("La entrada ", " se publicó primero en "),
    ("La entrada ", " aparece primero en "),
    ("O post ", " apareceu primeiro em "),
    ("L’articolo ", " proviene da "),
    ("L'articolo ", " proviene da "),
    ("Het bericht ", " verscheen eerst op "),
    ("Inlägget ", " dök först upp på "),
    ("Artykuł ", " pochodzi z serwisu "),
    ("Запись ", " впервые появилась "),
    ("Continue reading ", " →"),
)

_AGENCIES = (
    "(?:thomson reuters foundation|reuters|afp|ap|associated press|dpa|xinhua|tass|itar-tass|ansa|efe|kyodo|"
    "ani|pti|ians|upi|bloomberg|interfax|pap|čtk|ctk|apa|sda|keystone-sda|kna|epd|sid|lusa|anp|belga|ntb|tt|"
    "ritzau|stt|yonhap|anadolu|aa|irna|antara|bernama|rtr|cnn|aap|the canadian press|canadian press|"
    "europa press|рейтер|тасс|интерфакс|риа новости|укринформ)"
)
_DATELINE = re.compile(
    rf"(?P<place>[^()\[\]\n]{{0,60}}?)\s?"
    rf"(?:\({_AGENCIES}(?:[/,][^()\n]{{0,20}})?\)|(?P<slashes>/{_AGENCIES}/))"
    r"\s{0,3}(?P<dash>[-–—.:]{0,2})\s{0,3}",
    re.IGNORECASE,
)

_STAMP = re.compile(
    r"(?:(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]{0,6}\.? \d{1,2}, \d{4}"
    r"|\d{4}-\d\d-\d\d),? \d{1,2}[:.]\d\d(?: ?[ap]\.?m\b\.?)?+"
    r"(?: (?-i:GMT|UTC|BST|CES?T|[ECMP][SD]?T|IST|SGT|HKT|JST|AE[SD]T)\b)?+"
    r" (?:[|–—-] )?(?=\S)",
    re.IGNORECASE,
)


def clean(text: str, titles: tuple[str, ...] = ()) -> str:
    """The text without boilerplate, and without a first line that repeats one of the titles.

    Empty only where a title says all that was there: a text without a title is never cleaned away.
    """
    kept: list[str] = []
    begun = False
    for line in map(str.strip, text.split("\n")):
        if not line:
            kept.append(line)
        elif not (is_boilerplate(line) or (not begun and any(_same(line, title) for title in titles))):
            kept.append(_without_ending(line if begun else _without_agency(_without_stamp(line))))
            begun = True
    cleaned = re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()
    return cleaned or ("" if any(titles) else text.strip())


def is_boilerplate(line: str) -> bool:
    """Whether the tables know the whole line; decoration around it does not matter."""
    if len(line) > LONGEST_LINE:
        return False
    folded = " ".join(line.casefold().split()).strip(" .…!»›>→←↓|*•·-–—_")
    return (
        not folded
        or folded.strip("[]():") in _ALONE
        or bool(_LINES.fullmatch(folded))
        or _lists_addresses(folded.split())
    )


def _lists_addresses(words: list[str]) -> bool:
    """Whether it is addresses, at least two, each with a name of a few words, and perhaps tags."""
    addresses = [at for at, word in enumerate(words) if word.startswith(("http://", "https://"))]
    if len(addresses) < 2 or any(not word.startswith("#") for word in words[addresses[-1] + 1 :]):
        return False
    return all(after - before <= _NAME for before, after in pairwise([-1, *addresses]))


def _without_ending(line: str) -> str:
    for _ in range(_ENDINGS_AT_MOST):
        found = _ENDING.search(line, max(0, len(line) - _END))
        shorter = line[: found.start()].rstrip() if found else _without_credit(line)
        if shorter == line:
            break
        line = shorter
    return line


def _without_credit(line: str) -> str:
    tail = line[-2 * LONGEST_LINE :]
    for begin, inside in _CREDITS:
        middle = tail.rfind(inside, -LONGEST_LINE // 2)
        start = tail.rfind(begin, 0, middle) if middle >= 0 else -1
        while start > 0 and tail[:start].rstrip()[-1:] not in _SENTENCE_ENDS:
            start = tail.rfind(begin, 0, start)  # a title may hold the same words
        if start >= 0:
            return line[: len(line) - len(tail) + start].rstrip()
    return line


def _without_stamp(line: str) -> str:
    found = _STAMP.match(line)
    return line[found.end() :] if found else line


def _without_agency(line: str) -> str:
    found = _DATELINE.match(line)
    if not found or (found["place"] and not found["dash"] and not found["slashes"]):
        return line
    place, rest = found["place"].strip(" -–—,."), line[found.end() :]
    return f"{place} - {rest}" if place and rest else rest or line


def _same(line: str, title: str) -> bool:
    return len(line) <= len(title) + 20 and bool(title) and _letters(line) == _letters(title)


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))
