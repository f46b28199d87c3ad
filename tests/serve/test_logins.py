"""Who asks: passwords, sessions and tokens; and who guesses has to wait."""

from datetime import timedelta

import pytest
from apps import NOON, PASSWORD, hashed

from aggregator.serve.passwords import Guesses
from aggregator.serve.visitors import APP_SESSION, Refusal, Visitors, digest
from storage import readers
from storage.database import Database

HOME = "192.0.2.1"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def database(tmp_path):
    found = Database(f"sqlite:///{tmp_path}/a.db")
    with found.writing() as tx:
        readers.add(tx, "ida", hashed(PASSWORD), NOON)
    yield found
    found.close()


class Clock:
    """A clock that is set by hand."""

    now = NOON

    def __call__(self):
        return self.now


def visitors(database) -> Visitors:
    return Visitors(database, Clock())


def who(found: Visitors, database: Database, secret: str):
    with database.reading() as tx:
        login = found.of_secret(tx, secret)
    return (login.reader.name, login.writes) if login else None


def test_a_session_is_its_reader_until_it_ends(database):
    """It is known by its secret, until its time is over or the password is changed."""
    found = visitors(database)
    reader = found.checked("ida", PASSWORD, HOME)
    secret = found.begin(reader, APP_SESSION)
    assert who(found, database, secret) == ("ida", True)
    assert who(found, database, secret + "x") is None
    found._now.now += APP_SESSION
    assert who(found, database, secret) is None
    secret = found.begin(reader)
    with database.writing() as tx:
        readers.change_password(tx, reader.id, "another")
    assert who(found, database, secret) is None


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ida", "wrong horse"),
        ("ida", ""),
        ("ida", PASSWORD.upper()),
        ("ida", PASSWORD + "x" * 2000),
        ("IDA", PASSWORD),
        ("nobody", PASSWORD),
        ("", ""),
        ("ida\0", PASSWORD),
        ("\ud800", "\ud800"),
        ("i" * 100_000, PASSWORD),
        ("' OR 1=1 --", "' OR 1=1 --"),
    ],
)
def test_what_is_wrong_is_refused_in_the_same_words(database, name, password):
    """Nobody learns which names there are."""
    said = visitors(database).checked(name, password, HOME)
    assert said == Refusal("That is no name and password of a reader here.")


def test_nothing_that_opens_a_door_is_kept(database):
    """Neither the password, nor the secret of a session."""
    found = visitors(database)
    secret = found.begin(found.checked("ida", PASSWORD, HOME))
    with database.reading() as tx:
        reader, kept = readers.by_name(tx, "ida")
        rows = tx.exec_driver_sql("SELECT digest FROM session").scalars().all()
    assert kept.startswith("$argon2id$")
    assert PASSWORD not in kept
    assert rows == [digest(secret)]
    assert reader.name == "ida"


def test_who_guesses_waits(database):
    """After five wrong passwords the right one is not even tried; later, or from elsewhere, it is."""
    found = visitors(database)
    for _ in range(5):
        assert found.checked("ida", "wrong horse", HOME).wait is None
    found._now.now += MINUTE
    assert found.checked("ida", PASSWORD, HOME).wait == 14 * MINUTE
    assert found.checked("ida", PASSWORD, "192.0.2.2").name == "ida"
    found._now.now += 14 * MINUTE
    assert found.checked("ida", PASSWORD, HOME).name == "ida"


def test_whoever_tries_many_names_waits_too():
    """Thirty wrong ones from one address; and what is remembered is bounded."""
    attempts = Guesses()
    for number in range(30):
        assert attempts.wait(f"name {number}", HOME, NOON) is None
        attempts.missed(f"name {number}", HOME, NOON)
    assert attempts.wait("another", HOME, NOON) == 15 * MINUTE
    for number in range(12_000):
        attempts.missed("x", f"address {number}", NOON)
    assert attempts.wait("another", HOME, NOON) is None


def test_a_right_password_clears_the_wrong_ones():
    """Who mistypes now and then is not counted for ever."""
    attempts = Guesses()
    for _ in range(4):
        attempts.missed("ida", HOME, NOON)
    attempts.right("ida", HOME)
    attempts.missed("ida", HOME, NOON)
    assert attempts.wait("ida", HOME, NOON) is None


@pytest.mark.parametrize(("scope", "writes"), [("read", False), ("write", True)])
def test_a_token_is_its_reader(database, scope, writes):
    """It may write if it was made for that."""
    with database.writing() as tx:
        readers.give(tx, 1, digest("secret"), "phone", scope, NOON)
    assert who(visitors(database), database, "secret") == ("ida", writes)
