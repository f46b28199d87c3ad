"""Commands built from the command line itself: its man page and its shell completion."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import click

from aggregator import __version__
from aggregator.cli import cli

_COMPLETE = "_AGGREGATOR_COMPLETE"  # the variable that click looks at

_FILES = (
    ("config/aggregator.yaml", "The configuration, below the working directory."),
    ("$XDG_CONFIG_HOME/aggregator/aggregator.yaml", "That of a user, where there is none below it."),
    ("/etc/aggregator/aggregator.yaml", "That of the machine, where there is neither."),
)
_STATUS = (("0", "All went well."), ("1", "Something failed."), ("2", "The configuration cannot be used."))
_VARIABLES = (
    ("AGGREGATOR_CONFIG", "Names the configuration, as --config does."),
    ("AGGREGATOR_SECTION__KEY", "Overrides a setting: AGGREGATOR_FETCH__CONTACT sets fetch.contact."),
    ("AGGREGATOR_SECTION__KEY_FILE", "Names a file that holds the value, such as a password."),
)


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what makes a shell complete commands and options.

    For bash: aggregator completion bash > ~/.local/share/bash-completion/completions/aggregator
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"{shell} is not known to this version of click")
    script = kind(cli, {}, "aggregator", _COMPLETE)
    # Not `source()`: for bash that starts the bash of this machine, which may not be there.
    click.echo(script.source_template % script.source_vars())


@click.command()
def man() -> None:
    """Print the man page.

    To read it: aggregator man | man -l -
    """
    click.echo("\n".join(_page()))


def _page() -> Iterator[str]:
    """The page as roff, for man(7)."""
    yield f'.TH AGGREGATOR 1 "" "story-aggregator {__version__}" "User commands"'
    yield from (".SH NAME", r"aggregator \- serve each story once, with every report in it")
    yield from (".SH SYNOPSIS", ".B aggregator", r"[\fIoptions\fR] \fIcommand\fR [\fIarguments\fR]")
    yield from (".SH DESCRIPTION", *_paragraphs(cli))
    yield from (".SH OPTIONS", *_options(cli, cli.get_params(click.Context(cli))))
    yield ".SH COMMANDS"
    for name, command in _commands(cli, ()):
        yield from _command(name, command)
    for title, rows in (("FILES", _FILES), ("ENVIRONMENT", _VARIABLES), ("EXIT STATUS", _STATUS)):
        yield f".SH {title}"
        for name, text in rows:
            yield from (".TP", rf"\fB{_escaped(name)}\fR", _escaped(text))


def _commands(group: click.Group, above: tuple[str, ...]) -> Iterator[tuple[str, click.Command]]:
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from _commands(command, (*above, name))
        else:
            yield " ".join((*above, name)), command


def _command(name: str, command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=name)
    usage = " ".join(piece for piece in command.collect_usage_pieces(context) if piece != "[OPTIONS]")
    yield from (".SS " + _escaped(f"{name} {usage}".strip()), *_paragraphs(command))
    yield from _options(command, command.params)  # --help goes without saying


def _paragraphs(command: click.Command) -> Iterator[str]:
    for number, paragraph in enumerate(re.split(r"\n\s*\n", (command.help or "").strip())):
        if number:
            yield ".PP"
        yield _escaped(" ".join(paragraph.split()))


def _options(command: click.Command, parameters: Iterable[click.Parameter]) -> Iterator[str]:
    context = click.Context(command, info_name=command.name)
    for parameter in parameters:
        record = parameter.get_help_record(context) if isinstance(parameter, click.Option) else None
        if record is not None:
            yield from (".TP", rf"\fB{_escaped(record[0])}\fR", _escaped(record[1]))


def _escaped(text: str) -> str:
    """Text that roff shows as it is: no escape, no request at the beginning of a line."""
    plain = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{plain}" if plain.startswith((".", "'")) else plain


COMMANDS = (completion, man)
