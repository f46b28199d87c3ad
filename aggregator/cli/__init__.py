"""The command line. Heavy modules are imported by the command that needs them: ``--help`` answers at once."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from aggregator import __version__
from aggregator.display import on_one_line
from aggregator.errors import AggregatorError, ConfigurationError, NotFound

if TYPE_CHECKING:
    from aggregator.poll.poll_queue import PollQueue
    from aggregator.settings import Settings
    from storage.database import Database


class Session:
    """What every command can ask for, made when it is first asked.

    Args:
        config: the YAML file, None for the usual one.
        debug: whether errors show their traceback.

    """

    def __init__(self, config: Path | None, *, debug: bool) -> None:
        self.config = config
        self.debug = debug
        self._settings: Settings | None = None

    def settings(self, *, folders_must_exist: bool = True) -> Settings:
        """The configuration, checked.

        Args:
            folders_must_exist: False for a command that looks into no drop folder.

        Raises:
            ConfigurationError: it cannot be used.

        """
        if self._settings is None:
            from aggregator.configuration import load

            self._settings = load(self.config, os.environ, folders_must_exist=folders_must_exist)
        return self._settings

    def reread(self, *, folders_must_exist: bool = True) -> Settings:
        """The configuration as it is now, checked anew; takes and raises what `settings` does."""
        self._settings = None
        return self.settings(folders_must_exist=folders_must_exist)

    def database(self) -> Database:
        """The configured database, at the newest schema; closed when the command ends.

        Raises:
            StoreError: it cannot be used.

        """
        return self._opened(self.settings(folders_must_exist=False).database)

    def stories(self) -> Database:
        """The same for a command that only reads: it makes no database.

        Raises:
            NotFound: there is none.
            StoreError: it cannot be used.

        """
        return self._that_is_there(self.settings(folders_must_exist=False).database)

    def _that_is_there(self, url: str) -> Database:
        kind, _, rest = url.partition(":///")
        file = rest.partition("?")[0]
        if kind.startswith("sqlite") and file not in ("", ":memory:") and not os.path.lexists(file):
            raise NotFound(
                f"there is no database at {file}",
                hint="`aggregator once` or `run` makes it; relative paths are below the working directory",
            )
        return self._opened(url)

    def poll_queue(self, settings: Settings) -> PollQueue | None:
        """Who may be asked at a person's wish; None where nothing is remembered yet.

        Raises:
            StoreError: the database cannot be used.

        """
        from aggregator.poll.poll_queue import PollQueue
        from aggregator.service.daemon import now

        try:
            poll_queue = PollQueue(settings, self._that_is_there(settings.database), now)
        except NotFound:
            return None
        poll_queue.person_comes()
        return poll_queue

    def nothing_stored(self) -> Database:
        """An empty database in memory."""
        return self._opened("sqlite://")

    def _opened(self, url: str) -> Database:
        from storage.database import Database

        database = Database(url)
        click.get_current_context().call_on_close(database.close)
        return database


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The YAML file. Default: $AGGREGATOR_CONFIG, or the first of those that `aggregator man` names.",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(__version__, prog_name="aggregator")
@click.pass_context
def cli(context: click.Context, config: Path | None, *, debug: bool) -> None:
    """Poll feeds and drop folders, and serve each story once, with every report in it."""
    context.obj = Session(config, debug=debug)


def _register() -> None:
    # They import this module.
    from aggregator.cli import (
        correcting,
        inspecting,
        learning,
        loading,
        manual,
        reclustering,
        service,
        sources,
        stories,
        subscribing,
        users,
    )

    modules = (
        service,
        loading,
        stories,
        correcting,
        reclustering,
        learning,
        sources,
        subscribing,
        inspecting,
        users,
        manual,
    )
    for module in modules:
        for command in module.COMMANDS:
            cli.add_command(command)


def main() -> NoReturn:
    """Run the command line: 0 when all went well, 1 when something failed, 2 for a wrong configuration."""
    debug = "--debug" in sys.argv
    try:
        _register()
        status = cli.main(prog_name="aggregator", standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):  # Ctrl-C, also while the commands are imported
        status = 130
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        status = error.exit_code
    except click.ClickException as error:
        click.echo(_complaint(error), err=True)
        status = error.exit_code
    except AggregatorError as error:
        if debug:
            raise
        click.echo(_shown(error), err=True)
        status = 2 if isinstance(error, ConfigurationError) else 1
    except OSError as error:  # nobody can be told on standard output that it is full
        if debug:
            raise
        click.echo(f"aggregator: {_os_error(error)}", err=True)
        status = 1
    except Exception as error:  # no traceback reaches a user who did not ask for one
        if debug:
            raise
        click.echo(f"aggregator: {error!r} (a defect: please report it with the output of --debug)", err=True)
        status = 1
    sys.exit(status if isinstance(status, int) else 0)


def _shown(error: AggregatorError) -> str:
    """An error as it is printed: the lines of a wrong configuration speak for themselves."""
    return str(error) if isinstance(error, ConfigurationError) else f"aggregator: {on_one_line(str(error))}"


def _os_error(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        file = error.filename or "standard output"
        return on_one_line(f"cannot write to {file}: {error.strerror}; free some disk space")
    return f"{error!r} (a defect: please report it with the output of --debug)"


def _complaint(error: click.ClickException) -> str:
    """What is wrong with the command line, on one line like every error."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context else "aggregator"
    message = on_one_line(error.format_message().rstrip("."))
    if isinstance(error, click.NoSuchOption) and context and context.parent:
        value = {"--config": " FILE", "--debug": ""}.get(error.option_name)
        if value is not None:
            name = context.command_path.removeprefix("aggregator ")
            before = f"aggregator {error.option_name}{value} {name}"
            message += f"; `{error.option_name}` goes before the command: {before}"
    return f"aggregator: {message} (see `{command} --help`)"
