"""Which text is the better one, and when a page is asked for again."""

from datetime import UTC, datetime, timedelta

import pytest

from aggregator.errors import AddressRefused, BadStatus, FetchError, HeldUp, ParseError, TooLarge, TooSlow
from aggregator.model import Entry
from aggregator.normalise.full_text import whole_text
from aggregator.schedule.fulltext_policy import after_failure

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
TITLE = "Ferry Aurelia burns off Port Sallow"
SHORT = "The ferry Aurelia caught fire on Thursday night."
WHOLE = f"{SHORT} Coastguard boats took all 214 passengers aboard.\n\nTwelve people were treated for smoke."
CONSENT = (
    "Before you continue, please choose which cookies we and our partners may store on this device. " * 5
)


@pytest.mark.parametrize(
    ("title", "text", "page", "taken"),
    [
        (TITLE, SHORT, Entry(title=TITLE, text=WHOLE), WHOLE),
        (TITLE, "", Entry(title=TITLE, text=WHOLE), WHOLE),
        (TITLE, SHORT, Entry(title=TITLE, text=f"{TITLE}\n\n{WHOLE}\n\nRead more"), WHOLE),
        (TITLE, WHOLE, Entry(title=TITLE, text=SHORT), None),
        (TITLE, WHOLE, Entry(title=TITLE, text=WHOLE), None),
        (TITLE, SHORT, Entry(title="Your choice", text=CONSENT), None),
        (
            "港口渡轮起火",
            "渡轮周四夜间起火。",
            Entry(text="渡轮周四夜间在港口外起火,海岸警卫队救出全部乘客。"),
            "渡轮周四夜间在港口外起火,海岸警卫队救出全部乘客。",
        ),
        (
            "港口渡轮起火",
            "渡轮周四夜间起火。",
            Entry(text="请选择您是否同意我们和合作伙伴在此设备上存储信息。"),
            None,
        ),
    ],
)
def test_the_longer_text_about_the_same_is_taken(title, text, page, taken):
    """Not a paywall's first lines, not a page about cookies; boilerplate and the title go."""
    assert whole_text(title, text, page) == taken


@pytest.mark.parametrize(
    ("tries", "error", "wait"),
    [
        (1, TooSlow("x"), timedelta(minutes=15)),
        (2, FetchError("x"), timedelta(hours=2)),
        (3, BadStatus("x", status=502), timedelta(hours=12)),
        (4, BadStatus("x", status=502), None),
        (1, BadStatus("x", status=429, retry_after="7200"), timedelta(hours=2)),
        (1, BadStatus("x", status=503, retry_after="259200"), timedelta(days=3)),
        (1, BadStatus("x", status=503, retry_after="99999999"), timedelta(days=7)),
        (1, BadStatus("x", status=502, retry_after="7200"), timedelta(minutes=15)),
        (1, HeldUp("x", until=NOON + timedelta(hours=5), asked=True), timedelta(hours=5)),
        (1, BadStatus("x", status=503, retry_after="1"), timedelta(minutes=15)),
        *((1, BadStatus("x", status=status), None) for status in (401, 402, 403, 404, 410, 451)),
        (1, AddressRefused("x"), None),
        (1, TooLarge("x"), None),
        (1, ParseError("x"), None),
    ],
)
def test_a_page_is_asked_for_again_only_after_what_passes(tries, error, wait):
    """Three times more at most, ever later; the server's wish counts, as it does for a feed."""
    following = after_failure(tries, error, NOON, timedelta(days=7))
    assert following.due == (wait and NOON + wait)
    assert following.host == (NOON + timedelta(hours=12) if tries > 3 else following.due)
