"""What a report shows beside its text is kept, follows its own source, and goes with the text."""

from datetime import timedelta

from desk import Desk
from events import FIRE, FIRE_AGAIN, NOON, made

from aggregator.model import NO_MEDIA, Enclosure, Media
from storage import media, retention

SHOWN = Media(
    "https://a.example/p.jpg", (Enclosure("https://a.example/e.mp3", "audio/mpeg", 5, 6),), html="<b>x</b>"
)
OTHER = Media("https://a.example/q.jpg")


def test_it_is_that_of_the_source_that_told_first(database):
    """A new picture replaces the old one; none does not, and no other source has a say."""
    desk = Desk(database)
    desk.take(made(FIRE, 0, media=SHOWN), made(FIRE_AGAIN, 1))
    shown = {member.id: member.media for member in desk.stories()[1].members}
    assert shown == {1: SHOWN, 2: NO_MEDIA}
    desk.take(made(FIRE, 0, source="Somebody else", media=OTHER))
    desk.take(made(FIRE, 0))
    assert desk.stories()[1].members[0].media == SHOWN
    desk.take(made(FIRE, 0, media=OTHER), made(FIRE_AGAIN, 1, media=SHOWN))
    shown = {member.id: member.media for member in desk.stories()[1].members}
    assert shown == {1: OTHER, 2: SHOWN}


def test_the_markup_goes_with_the_text(database):
    """It is the text; and no feed brings it back."""
    desk = Desk(database)
    desk.take(made(FIRE, 0, media=SHOWN))
    with database.writing() as tx:
        retention.texts(tx, NOON + timedelta(days=1), desk.now, 10)
    assert desk.stories()[1].members[0].media == Media(SHOWN.image, SHOWN.enclosures)
    desk.take(made(FIRE, 0, media=SHOWN))
    assert desk.stories()[1].members[0].media.html == ""


def test_a_list_of_stories_reads_no_markup(database):
    desk = Desk(database)
    desk.take(made(FIRE, 0, media=SHOWN))
    with database.reading() as tx:
        assert media.get(tx, [1], html=False) == {1: Media(SHOWN.image, SHOWN.enclosures)}
