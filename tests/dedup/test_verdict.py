"""Two reports of one event are told from two reports that are merely near."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from aggregator.dedup import verdict
from aggregator.dedup.thresholds import Thresholds
from aggregator.dedup.voice import Voice

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
WINDOW = timedelta(days=14)

SAME = [
    (
        "en",
        "Dam at Orlec holds after night of record rain",
        "Engineers opened all four gates of the Orlec dam on Thursday night as the river Sava "
        "Minor rose by two "
        "metres. The mayor, Vesna Tomac, told 3,100 people in the lower town to sleep elsewhere.",
        "",
        "Vesna Tomac did not go to bed. By midnight the mayor had sent her constables from door "
        "to door in the "
        "lower town of Orlec, where 3,100 live below the dam. Its gates stood open; the Sava "
        "Minor kept rising.",
    ),
    (
        "ru",
        "В Тарнвике ночью загорелся паром «Марен Скоу»",
        "На пароме «Марен Скоу» у берегов Тарнвика произошёл пожар. Все 243 человека спасены, "
        "шестеро в больнице.",
        "Пожар на «Марен Скоу»: пассажиры спаслись на шлюпках",
        "Пассажиры парома «Марен Скоу» покинули его ночью на шлюпках близ Тарнвика. Никто из 243 не погиб.",
    ),
    (
        "zh",
        "台东外海渡轮起火 212名乘客全部获救",
        "渡轮“海星号”周五凌晨在台东外海起火,船上212名乘客和31名船员全部获救。海巡署说,火势从机舱开始,六人送医。",
        "海星号深夜失火,乘客穿睡衣逃生",
        "“有人敲门大喊别拿行李。”凌晨四点多,渡轮海星号机舱起火,212名乘客被海巡署救上岸,六人因吸入浓烟送医。",
    ),
    (
        "vi",
        "Cháy phà Hải Âu ngoài khơi Cát Bà, 212 hành khách thoát nạn",
        "Phà Hải Âu bốc cháy rạng sáng thứ Sáu ngoài khơi đảo Cát Bà. Toàn bộ 212 hành khách được cứu.",
        "Hành khách phà Hải Âu kể lại đêm thoát nạn",
        "Lửa bùng lên từ buồng máy phà Hải Âu gần Cát Bà; tàu cá đã cứu cả 212 hành khách trước bình minh.",
    ),
    (
        "th",
        "เรือเฟอร์รี่ดาวทะเลไฟไหม้กลางดึก ผู้โดยสาร 212 คนปลอดภัย",
        "เรือเฟอร์รี่ดาวทะเลเกิดไฟไหม้ใกล้เกาะสมุย หน่วยยามฝั่งช่วยผู้โดยสาร 212 คนขึ้นฝั่งได้ทั้งหมด",
        "ผู้โดยสารเรือดาวทะเลเล่านาทีหนีไฟ",
        "ไฟลุกจากห้องเครื่องเรือเฟอร์รี่ดาวทะเลใกล้เกาะสมุย หน่วยยามฝั่งช่วยได้ทั้ง 212 คน",
    ),
    (
        "ar",
        "حريق في العبارة نجمة البحر قبالة صور",
        "اندلع حريق في العبارة نجمة البحر قبالة مدينة صور فجر الجمعة، ونجا جميع الركاب وعددهم 212 راكبا.",
        "ركاب نجمة البحر يروون ليلة الحريق",
        "نجا 212 راكبا من حريق شب في غرفة محرك العبارة نجمة البحر قرب صور قبل طلوع الفجر.",
    ),
]


@pytest.mark.parametrize(("language", "title", "text", "title_too", "text_too"), SAME, ids=lambda v: v[:2])
def test_one_event_in_other_words_reaches_the_bar_at_once(
    language: str,
    title: str,
    text: str,
    title_too: str,
    text_too: str,
    profile: Callable[..., Any],
    thresholds: Thresholds,
) -> None:
    """With nothing yet counted in the stream, two tellings of one event are seen, in any script."""
    one, other = profile((title, text, language)), profile((title_too, text_too, language), 2)
    assert verdict.judge(one, [other], WINDOW)[0] >= thresholds.story


@pytest.mark.parametrize("language", ["en", "ru", "zh", "vi", "th", "ar"])
def test_two_events_stay_apart_at_once(
    language: str, profile: Callable[..., Any], thresholds: Thresholds
) -> None:
    """With nothing yet counted, reports of different events of the same kind or none stay under the bar."""
    others = {
        "en": (
            "Oil tanker aground off Lisse",
            "The tanker Gerda ran onto rocks on Friday; 20 crew are safe.",
        ),
        "ru": ("Центробанк снизил ставку", "Банк России в пятницу снизил ключевую ставку до 15 процентов."),
        "zh": (
            "央行下调存款准备金率",
            "中国人民银行周五宣布下调金融机构存款准备金率,释放长期资金约一万亿元。",
        ),
        "vi": ("Giá vàng giảm mạnh", "Giá vàng trong nước sáng nay giảm hơn một triệu đồng mỗi lượng."),
        "th": ("ธนาคารกลางลดดอกเบี้ย", "คณะกรรมการนโยบายการเงินมีมติลดดอกเบี้ยนโยบายลงร้อยละ 0.25"),
        "ar": ("البنك المركزي يخفض الفائدة", "قرر البنك المركزي خفض سعر الفائدة نصف نقطة مئوية يوم الخميس."),
    }
    case = next(case for case in SAME if case[0] == language)
    one, other = profile((case[1], case[2], language)), profile((*others[language], language), 2)
    assert verdict.judge(one, [other], WINDOW)[0] < thresholds.story / 2


@pytest.mark.parametrize(
    ("one", "other", "vetoed"),
    [
        (("Live updates",), ("Live updates",), True),
        (("Sports",), ("Sports",), True),
        (("Tarnvik flooded",), ("Tarnvik flooded after the dam broke",), False),
        (("Obituary", "Jane Doe, novelist, has died."), ("Obituary", "Tom Roe, chemist, was 91."), True),
        (("Weather forecast", "Rain in the north."), ("Weather forecast", "Fog over the hills."), True),
        (("Weather forecast", "Fog in the north."), ("Weather forecast", "Fog over the hills."), False),
        (("Tarnvik flooded", "Tarnvik lost its dam."), ("Tarnvik flooded", "Boats in Tarnvik."), False),
        (("Dam breaks over old Tarnvik", "Two missing."), ("Dam breaks over old Tarnvik", "A flood."), False),
        (("Weather forecast", "Rain."), ("Harbour", "Rain."), False),
        (("Weather forecast",), ("Weather forecast", "Rain in the north."), False),
    ],
)
def test_the_name_of_a_column_is_no_event(one, other, vetoed, profile: Callable[..., Any]) -> None:
    """Where it is all that two reports share; nor are two words with nothing under them."""
    pair = profile(one), profile(other, 2)
    assert (verdict.veto(*pair, WINDOW) is not None) is vetoed
    assert (verdict.veto(*reversed(pair), WINDOW) is not None) is vetoed
    for first, second in (pair, reversed(pair)):
        assert bool(verdict.judge(first, [second], WINDOW)[0] == 0.0) is vetoed


@pytest.mark.parametrize(
    ("one", "other", "vetoed"),
    [
        ("EU adopts 12th package of sanctions", "EU adopts 13th package of sanctions", True),
        ("Quake of magnitude 5.9 off Hestoy", "Quake of magnitude 5.6 off Hestoy", True),
        ("Morning briefing, Monday 16 November", "Morning briefing, Tuesday 17 November", True),
        ("Tarnvik weather for November 20", "Tarnvik weather for November 21", True),
        (
            "EU adopts 12th package of sanctions",
            "Sanctions: ministers agree on the 13th round at last",
            False,
        ),
        ("LIVE: council of Tarnvik, the 27 April 2026 sitting", "Mayor's briefing (April 28, 2026)", True),
        ("Talks open in Lisse, 5 April", "Talks open in Lisse (Apr 5, 2026)", False),
        ("Ferry fire off Tarnvik leaves 6 in hospital", "Ferry fire off Tarnvik leaves 7 in hospital", False),
        ("EU adopts 12th package of sanctions", "EU adopts package of sanctions", False),
        ("EU adopts 12th package of sanctions", "EU adopts 12th package of sanctions", False),
        ("", "EU adopts 12th package of sanctions", False),
    ],
)
def test_another_one_of_a_series_is_vetoed(
    one: str, other: str, vetoed: bool, profile: Callable[..., Any]
) -> None:
    """Like titles that name another number, magnitude or day part; a toll that rose does not."""
    pair = profile((one,)), profile((other,), 2)
    assert (verdict.veto(*pair, WINDOW) is not None) is vetoed
    assert (verdict.veto(*reversed(pair), WINDOW) is not None) is vetoed
    if vetoed:
        assert verdict.judge(pair[0], [pair[1]], WINDOW)[0] == 0.0


def test_a_date_in_a_title_is_no_evidence(profile: Callable[..., Any]) -> None:
    """All programmes of a day share its date; two titles that share nothing else share nothing."""
    one, other = profile(("Harbour live, April 28, 2026",)), profile(("Evening news | 28 April 2026",), 2)
    assert verdict.judge(one, [other], WINDOW)[0] == 0.0


ELSEWHERE = [
    (
        "I left New Zealand for a break",
        "A violinist from New Zealand tells of weeks with her parents in the country, and of a small room.",
    ),
    (
        "Protesters return to the streets in New Zealand",
        "Police fired tear gas as several hundred marched against a law through arcades in New Zealand.",
    ),
]


def test_a_name_in_common_is_not_an_event(profile: Callable[..., Any], thresholds: Thresholds) -> None:
    """Two reports that share the name of a town and nothing else, with text enough to share more."""
    one, other = (profile(report, number) for number, report in enumerate(ELSEWHERE, 1))
    account = {name: (value, adds) for name, value, _, adds, _ in verdict.account(one, other)}
    assert account["thin"][0] > 0.9
    probability = verdict.judge(one, [other], WINDOW)[0]
    assert (
        probability
        < thresholds.story
        < 1 / (1 + np.exp(-np.log(probability / (1 - probability)) + account["thin"][1]))
    )


NAMESAKES = [
    (
        "Swimming pool opens after two years of repairs",
        "The first swimmers were children of the primary school, and behind them Vesna Tomac of Orlec swam a "
        "length in a borrowed cap, to the applause of a brass band.",
    ),
    (
        "A childhood among beekeepers, told without sugar",
        "In a memoir that is in the shops before winter Vesna Tomac remembers her grandfather's hives, the "
        "monastery's honey, and a cellar in Orlec where nobody was allowed to whistle.",
    ),
]
DEED = " She resigned over the collapsed viaduct."


def test_names_alone_tell_no_event(profile: Callable[..., Any], thresholds: Thresholds) -> None:
    """Two reports of one person, on one day; a deed that both name makes the difference."""
    alone = [profile(report, number) for number, report in enumerate(NAMESAKES, 1)]
    deed = [profile((title, text + DEED), number) for number, (title, text) in enumerate(NAMESAKES, 3)]
    accounts = [{name: row for name, *row in verdict.account(*pair)} for pair in (alone, deed)]
    assert (accounts[0]["names"][0] > 0.9, accounts[1]["names"][0] < 0.1) == (True, True)
    bar = np.log(thresholds.story / (1 - thresholds.story))
    assert log_odds(*alone) < bar < log_odds(*deed)
    assert accounts[0]["names"][2] < -0.9


@pytest.mark.parametrize(
    ("word", "strangers"), [("resigned", 1.0), ("abdicated", 0.0)], ids=["a common word", "a rare word"]
)
def test_a_rare_word_makes_acquainted_as_a_name_does(
    word: str, strangers: float, profile: Callable[..., Any]
) -> None:
    """Reports that name other names are strangers, unless they share a word that is as rare as a name."""
    one = profile((f"The king {word}", f"The old king of Lisse {word} after lunch."))
    other = profile((f"The king {word}", f"On Friday the king in Tarnvik {word} in tears."), 2)
    account = {name: value for name, value, *_ in verdict.account(one, other)}
    assert account["strangers"] == strangers


@pytest.mark.parametrize(("days", "vetoed"), [(13, False), (15, True)])
def test_the_window_parts_what_is_dated(days: int, vetoed: bool, profile: Callable[..., Any]) -> None:
    """Beyond the window two dated reports cannot be one event; an undated one can be of any day."""
    one = profile(("Fire on the Maren Skou", "", "en", NOON))
    later = profile(("Fire on the Maren Skou", "", "en", NOON + timedelta(days=days)), 2)
    undated = profile(("Fire on the Maren Skou", "", "en"), 3)
    assert (verdict.veto(one, later, WINDOW) is not None) is vetoed
    assert verdict.veto(undated, later, WINDOW) is None


def log_odds(one: Any, other: Any) -> float:
    """Of one event, as the verdict's account adds up to."""
    return sum(adds for _, _, _, adds, _ in verdict.account(one, other))


@pytest.mark.parametrize("case", SAME, ids=lambda case: case[0])
def test_an_account_adds_up_to_the_probability(case: tuple[str, ...], profile: Callable[..., Any]) -> None:
    """What `explain` shows term by term is what the verdict computed."""
    language, title, text, other_title, other_text = case
    one, other = profile((title, text, language)), profile((other_title, other_text, language), 2)
    total = sum(adds for _, _, _, adds, _ in verdict.account(one, other))
    assert 1 / (1 + np.exp(-total)) == pytest.approx(verdict.judge(one, [other], WINDOW)[0])


def test_hours_speak_against_one_event(profile: Callable[..., Any]) -> None:
    """The later, the less likely, whichever came first; and no date costs nothing."""
    _, *words, title, text = SAME[0]
    one = profile((*words, "en", NOON))
    plain = log_odds(one, profile((title, text, "en"), 2))

    def later(hours: int) -> float:
        return plain - log_odds(one, profile((title, text, "en", NOON + timedelta(hours=hours)), 2))

    assert later(0) == pytest.approx(0.0)
    assert later(-72) == pytest.approx(later(72))
    assert 0.5 < later(6) < later(24)


ADVISORIES = [
    (f"Security update for the {thing}", f"An attacker on the network can {deed}. Patch now.")
    for thing, deed in (
        ("harbour mail server", "read the queue"),
        ("chart plotter", "read the charts"),
        ("tide gauge", "stop the gauge"),
        ("lock gates", "open the gates"),
    )
]


def test_what_a_publisher_always_says_is_no_evidence_between_its_own(profile: Callable[..., Any]) -> None:
    """Two advisories of one feed are less of one event than the same two of different publishers."""
    one, other = (profile(report, number) for number, report in enumerate(ADVISORIES[:2], 1))
    voice = Voice([profile(report).weighed.sketch.hashes for report in ADVISORIES * 5])
    strangers = verdict.evidence(one, [other])[0]
    siblings = verdict.evidence(replace(one, voice=voice), [replace(other, voice=voice)])[0]
    assert siblings[0] < strangers[0] / 2
    assert siblings[0] > 0


@pytest.mark.parametrize(
    ("one", "other", "siblings", "vetoed"),
    [
        ("Flaw in Aurelia CVE-2026-1111", "Flaw in Aurelia CVE-2026-2222", False, True),
        ("Flaw in Aurelia CVE-2026-1111", "Aurelia patched, CVE-2026-1111 closed", False, False),
        ("Harbour Radio, episode 12: the lock", "Harbour Radio, episode 13: the crane", True, True),
        ("Harbour Radio, episode 12: the lock", "Harbour Radio, episode 13: the crane", False, False),
        ("Tarnvik 2-1 Hestoy", "Tarnvik 3-1 Orlec", True, False),
    ],
)
def test_identifiers_part_what_is_worded_alike(
    one: str, other: str, siblings: bool, vetoed: bool, profile: Callable[..., Any]
) -> None:
    """Global ones everywhere; the numbers of a series only within one publisher."""
    voice = Voice([profile((one,)).weighed.sketch.hashes]) if siblings else None
    pair = [replace(profile((title,), number), voice=voice) for number, title in enumerate((one, other), 1)]
    assert (verdict.veto(pair[0], pair[1], WINDOW) is not None) is vetoed
    assert (verdict.veto(pair[1], pair[0], WINDOW) is not None) is vetoed


FLAW = "CVE-2026-3141"


def test_a_shared_identifier_makes_one_event(profile: Callable[..., Any], thresholds: Thresholds) -> None:
    """Two vendors describe one flaw in words of their own."""
    one = ("Aurelia Mail 4 reads past its buffer", f"Tracked as {FLAW}, it lets anybody read the mail queue.")
    other = (
        "Advisory HN-7: memory disclosure",
        f"Harbour Networks ships it; {FLAW} discloses memory.",
    )
    with_it = verdict.judge(profile(one), [profile(other, 2)], WINDOW)[0]
    plain, bare = ([text.replace(FLAW, "It") for text in each] for each in (one, other))
    without = verdict.judge(profile(tuple(plain)), [profile(tuple(bare), 2)], WINDOW)[0]
    assert without < thresholds.story < with_it


def test_nothing_in_common_is_no_evidence(profile: Callable[..., Any]) -> None:
    """Short reports without a common word, and reports without words, have probability 0."""
    one, other, empty = profile(("Fire",)), profile(("Rain",), 2), profile(("",), 3)
    assert verdict.judge(one, [other, empty], WINDOW).tolist() == [0.0, 0.0]
    assert verdict.judge(empty, [empty], WINDOW).tolist() == [0.0]
    assert verdict.judge(one, [], WINDOW).shape == (0,)


def test_a_short_text_is_no_proof_of_a_copy(profile: Callable[..., Any], thresholds: Thresholds) -> None:
    """Two equal headlines may be two reports; two equal texts are one."""
    short = profile(("Morning briefing",)), profile(("Morning briefing",), 2)
    long = profile(("Dam holds", SAME[0][2])), profile(("Dam holds", SAME[0][2]), 2)
    assert verdict.is_copy(*short, thresholds.copy) == 0.0
    assert verdict.is_copy(*long, thresholds.copy) == 1.0


def test_who_is_too_far_from_whom_is_the_same_for_all_at_once(profile: Callable[..., Any]) -> None:
    """Each row is what one report is asked about all; a date that is not believed parts nobody."""
    first = profile(("Ferry burns off Tarnvik",))
    profiles = [
        replace(first, id=number, published=first.published + timedelta(days=days), dated=dated)
        for number, (days, dated) in enumerate([(0, True), (14, True), (15, True), (40, False), (90, True)])
    ]
    found = verdict.apart_each(profiles, WINDOW)
    assert [row.tolist() for row in found] == [
        verdict.apart(one, profiles, WINDOW).tolist() for one in profiles
    ]
    assert found[0].tolist() == [False, False, True, False, True]


def test_an_article_is_no_name(profile: Callable[..., Any]) -> None:
    """The "A" of a motorway stands in every English text: it makes nobody an acquaintance."""
    one = profile(
        (
            "Two hurt as bridge falls",
            "Two people were hurt when a bridge fell in Mirendal during a wedding of many guests.",
        )
    )
    other = profile(
        (
            "Motorway closed as bridge falls",
            "The A9 near Quellen is closed after a bridge fell on to the road.",
        ),
        2,
    )
    account = {name: value for name, value, *_ in verdict.account(one, other)}
    assert account["strangers"] == 1.0
