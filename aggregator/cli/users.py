"""Commands that say who may read: user add, list, remove, password, token."""

from __future__ import annotations

import secrets
import sys
from typing import TYPE_CHECKING, Any

import click

from aggregator.cli import Session
from aggregator.cli.page import listing
from aggregator.display import counted, on_one_line, short

if TYPE_CHECKING:
    from aggregator.model import Reader

_LONGEST_NAME = 100


@click.group()
def user() -> None:
    """Give people names, passwords and tokens.

    As long as nobody has a name, whoever sits at this machine is the one reader. From the first name on
    everybody has to log in.
    """


@user.command()
@click.argument("name")
@click.pass_obj
def add(session: Session, name: str) -> None:
    """Give somebody a name and a password.

    The password is asked for, or read from standard input.
    """
    from aggregator.errors import AggregatorError
    from aggregator.serve import passwords
    from aggregator.service.daemon import now
    from storage import readers

    if not name.isprintable() or name != name.strip() or not 0 < len(name) <= _LONGEST_NAME:
        raise AggregatorError(
            f"{short(name)} is no name", hint=f"take 1 to {_LONGEST_NAME} letters or digits"
        )
    database = session.database()
    with database.reading() as tx:
        taken = readers.by_name(tx, name) is not None
    kept = None if taken else passwords.hashed(_password())
    with database.writing() as tx:
        added = readers.add(tx, name, kept, now()) if kept else None
    if added is None:
        raise AggregatorError(f"{short(name)} is there already", hint="`aggregator user password` changes it")
    click.echo(on_one_line(f"{name} may log in"))


@user.command("list")
@click.pass_obj
def list_(session: Session) -> None:
    """List who has a name, and their tokens."""
    from storage import readers

    with session.stories().reading() as tx:
        found = [(each, readers.tokens(tx, each.id)) for each in readers.listed(tx)]
    if not found:
        click.echo("nobody has a name; `aggregator user add NAME` gives one")
        return
    rows = [
        (each.name, ", ".join(f"{token.name} ({token.scope})" for token in tokens) or "-")
        for each, tokens in found
    ]
    listing(("name", "tokens"), rows, cut={"tokens": 1}, least=())


@user.command()
@click.argument("name")
@click.pass_obj
def remove(session: Session, name: str) -> None:
    """Forget somebody, with all that they have marked.

    Subscriptions at the hub of `websub` end too; whoever may still read subscribes again.
    """
    from storage import hub_subscriptions, readers

    with session.stories().writing() as tx:
        readers.remove(tx, _known(tx, name).id)
        hub_subscriptions.forget_all(tx)
    click.echo(on_one_line(f"{name} is forgotten"))


@user.command()
@click.argument("name")
@click.pass_obj
def password(session: Session, name: str) -> None:
    """Change a password.

    It is asked for, or read from standard input. Browsers and apps have to log in again; tokens stay.
    """
    from aggregator.serve import passwords
    from storage import readers

    database = session.stories()
    with database.reading() as tx:
        reader = _known(tx, name)
    kept = passwords.hashed(_password())
    with database.writing() as tx:
        readers.change_password(tx, reader.id, kept)
    click.echo(on_one_line(f"{name} has another password now"))


@user.command()
@click.argument("name")
@click.argument("what")
@click.option("--write", is_flag=True, help="It may mark stories, and change what its reader may change.")
@click.option("--revoke", is_flag=True, help="Take it back.")
@click.pass_obj
def token(session: Session, name: str, what: str, *, write: bool, revoke: bool) -> None:
    """Make a token for a program.

    WHAT is what it is for, such as "phone". Reader apps take it in place of the password. It is shown once;
    one of the same name is replaced.
    """
    from aggregator.errors import NotFound
    from aggregator.serve import visitors
    from aggregator.service.daemon import now
    from storage import hub_subscriptions, readers

    secret = secrets.token_urlsafe(32)
    with session.stories().writing() as tx:
        reader = _known(tx, name)
        if revoke:
            if not readers.take_back(tx, reader.id, what):
                there = counted(len(readers.tokens(tx, reader.id)), "token")
                raise NotFound(
                    f"{short(name)} has no token {short(what)}", hint=f"of {there} see `user list`"
                )
            hub_subscriptions.forget_all(tx)
        else:
            scope = "write" if write else "read"
            readers.give(tx, reader.id, visitors.digest(secret), what, scope, now())
    click.echo(on_one_line(f"{what} is taken back") if revoke else secret)


def _known(tx: Any, name: str) -> Reader:
    from aggregator.errors import NotFound
    from storage import readers

    found = readers.by_name(tx, name)
    if found is None:
        raise NotFound(
            f"there is no reader {short(name)}", hint="`aggregator user list` lists who has a name"
        )
    return found[0]


def _password() -> str:
    """A password that somebody types, twice, or that a program sends as a line; never an argument."""
    from aggregator.errors import AggregatorError
    from aggregator.serve import passwords

    if sys.stdin.isatty():
        given = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        given = sys.stdin.readline(passwords.LONGEST + 2).rstrip("\r\n")
    if not passwords.SHORTEST <= len(given) <= passwords.LONGEST:
        raise AggregatorError(f"a password has {passwords.SHORTEST} to {passwords.LONGEST} characters")
    return str(given)


COMMANDS = (user,)
