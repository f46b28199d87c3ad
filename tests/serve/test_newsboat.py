"""newsboat reads, marks and stars stories through the Google Reader API."""

import shutil

import pexpect
import pytest
from apps import SETTINGS, Served, opened

from aggregator.serve.greader import naming
from storage import marks
from storage.database import Database

NEWSBOAT = shutil.which("newsboat")
EDIT = "/reader/api/0/edit-tag"
REDRAW = "\x0c"  # ctrl-l: else it draws only the letters that change
FLAGS = "\x05"  # ctrl-e
WAIT = 30  # seconds, for a machine with much else to do


@pytest.fixture
def served(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/a.db")
    with opened(database) as found:
        yield found
    database.close()


@pytest.fixture
def newsboat(tmp_path, served):
    """Starts newsboat on the served stories; it is left at the end."""
    if not NEWSBOAT:
        pytest.skip("needs newsboat")
    home = tmp_path / "home"
    (home / ".newsboat").mkdir(parents=True)
    (home / ".newsboat" / "urls").touch()
    (home / ".newsboat" / "config").write_text(
        f'urls-source "feedhq"\nfeedhq-url "{served.url}"\nfeedhq-login "ida"\n'
        'feedhq-password "correct horse"\nfeedhq-show-special-feeds no\nauto-reload no\n'
        'feedhq-flag-star "s"\nrefresh-on-startup yes\nshow-read-feeds yes\nshow-read-articles yes\n'
        'feedlist-format "%u/%t"\narticlelist-format "%f|%t"\n'
    )
    started = []

    def start() -> pexpect.spawn:
        environment = {"HOME": str(home), "TERM": "xterm", "LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"}
        found = pexpect.spawn(
            str(NEWSBOAT), env=environment, dimensions=(30, 100), encoding="utf-8", timeout=WAIT
        )
        started.append(found)
        return found

    yield start
    for each in started:
        each.close(force=True)


def marked(served: Served, story: int) -> marks.Mark:
    """What ida, the only reader, has marked of a story."""
    with served.database.reading() as tx:
        return marks.of_stories(tx, 1, [story]).get(story, marks.Mark())


def listed(boat: pexpect.spawn, served: Served) -> tuple[str, str]:
    """Unread and all stories of Harbour News in the list of feeds, once all feeds are loaded."""
    last = naming.feeds(SETTINGS)[-1].id  # it loads them one after another
    boat.expect(f"Loading .*{last.removeprefix('feed/')}")
    served.waits_for(f"/reader/atom/{last}")
    boat.send(REDRAW)
    boat.expect(r"(\d)/(\d)\)/Harbour News")
    return boat.match.groups()


def test_reading_and_starring_reach_the_store(served, newsboat):
    """What is opened there has been read here; what is flagged there is starred here, until it is no more."""
    story = served.story({"title": "Ferry sinks", "text": "A ferry sank off the pier."})
    served.named()
    boat = newsboat()
    boat.expect("Harbour News")
    boat.expect("1/1")  # its story is there
    boat.send("\r")
    boat.expect("Ferry sinks")
    boat.send("\r")
    boat.expect("A ferry sank off the pier")
    boat.send("q")
    served.waits_for(EDIT)
    assert marked(served, story).is_read(1)
    boat.send(f"{FLAGS}s\r")
    boat.expect("updated")
    served.waits_for(EDIT)
    assert marked(served, story).starred
    boat.send(f"{FLAGS}\x7f\r")
    served.waits_for(EDIT)
    assert marked(served, story).starred is None
    boat.send("N")  # unread again
    served.waits_for(EDIT)
    assert not marked(served, story).is_read(1)


def test_a_whole_feed_is_read_at_once(served, newsboat):
    """`A` in the list of feeds reads all its stories, and none of another feed."""
    stories = [served.story({"title": f"News {n}"}) for n in range(3)]
    other = served.story({"title": "Elsewhere", "source": "Hill Post"})
    served.named()
    boat = newsboat()
    boat.expect("Harbour News")
    boat.expect("3/3")
    boat.send("A")
    served.waits_for("/reader/api/0/mark-all-as-read")
    assert all(marked(served, story).is_read(1) for story in stories)
    assert not marked(served, other).is_read(1)


def test_what_was_read_elsewhere_comes_back_when_it_has_grown(served, newsboat):
    """Read on another device it is read here; a copy leaves it so, a text of its own brings it back."""
    story = served.story({"title": "Ferry sinks"})
    served.named()
    with served.database.writing() as tx:
        marks.read(tx, 1, {story: 1}, served.now)
    boat = newsboat()
    assert listed(boat, served) == ("0", "1")
    served.grow(story, copy_of=1, source="Harbour News")
    boat.send("R")
    assert listed(boat, served) == ("0", "1")
    served.grow(story)
    boat.send("R")
    assert listed(boat, served) == ("1", "1")


def test_a_wrong_password_gets_nothing(served, newsboat):
    """The app says so, and ends."""
    served.story({"title": "Ferry sinks"})
    served.named("somebody")
    boat = newsboat()
    boat.expect("Authentication failed")
    boat.expect(pexpect.EOF)
