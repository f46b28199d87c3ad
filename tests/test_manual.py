"""The man page and the completion say what the command line says: both are made from it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from aggregator import cli, configuration
from aggregator.cli import manual

TOP = Path(__file__).resolve().parents[1]


def commands(group: click.Group, above: str = "") -> dict[str, click.Command]:
    """Every command by its full name."""
    found = {}
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found |= commands(command, f"{above}{name} ")
        else:
            found[f"{above}{name}"] = command
    return found


@pytest.fixture
def page(aggregator) -> str:
    return aggregator("man").out


def test_the_page_has_every_command_and_option(page):
    """Each with its help; none is forgotten, for none is written down twice."""
    plain = page.replace("\\-", "-")
    assert len(commands(cli.cli)) > 10
    for name, command in commands(cli.cli).items():
        assert re.search(rf"^\.SS {name}\b", plain, re.MULTILINE), name
        first = " ".join(command.help.strip().split("\n\n")[0].split())
        assert first in plain, name
        for parameter in command.params:
            for option in parameter.opts if isinstance(parameter, click.Option) else ():
                assert option in plain, f"{name} {option}"


def test_the_page_names_the_files_that_are_read(page):
    """In the order in which they are looked for."""
    plain = page.replace("\\-", "-")
    files = re.findall(r"^\\fB(\S+\.yaml)\\fR$", plain, re.MULTILINE)
    users = "$XDG_CONFIG_HOME/aggregator/aggregator.yaml"
    assert files == [str(configuration.USUAL), users, str(configuration.OF_THE_MACHINE)]


def test_the_page_repeats_nothing_that_says_nothing(page):
    """No argument without a word about it; --help is told of once."""
    assert page.count("Show this message and exit.") == 1
    blocks = page.split(".TP\n")[1:]
    assert all(len(block.splitlines()) > 1 and block.splitlines()[1].strip() for block in blocks)


def test_the_page_is_good_roff(page):
    """No line begins with a request that is none of ours; groff and mandoc say nothing of it."""
    requests = {line.split()[0] for line in page.splitlines() if line.startswith((".", "'"))}
    assert requests <= {".TH", ".SH", ".SS", ".TP", ".PP", ".B"}
    for checker in (["groff", "-man", "-ww", "-z"], ["mandoc", "-T", "lint", "-W", "error"]):
        if shutil.which(checker[0]):
            done = subprocess.run(checker, input=page, capture_output=True, text=True, check=True)
            assert (done.stdout + done.stderr).strip() == ""


@pytest.mark.parametrize(
    "text", [".TH X 1", "'so /etc/passwd", r"C:\fBnew\e", "--since 2d", "a -- b", "plain"]
)
def test_text_is_shown_as_it_is(text):
    """What looks like a request or an escape is none, and a hyphen can be copied into a shell."""
    escaped = manual._escaped(text)
    assert not escaped.startswith((".", "'"))
    assert not re.search(r"(?<!\\)-", escaped)
    if shutil.which("groff"):
        page = f".TH X 1\n.SH TEXT\n{escaped}\n"
        shown = subprocess.run(
            ["groff", "-man", "-Tutf8", "-P-cbou"], input=page, capture_output=True, text=True, check=True
        )
        assert text in [line.strip() for line in shown.stdout.splitlines()]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_for_each_shell(aggregator, shell):
    """It asks the program itself, so that it is never out of date; the shell, if it is here, can read it."""
    script = aggregator("completion", shell).out
    assert f"_AGGREGATOR_COMPLETE={shell}_complete" in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True)


def test_a_shell_is_told_what_fits():
    """What the script asks for: commands, and the options of one."""

    def complete(line: str) -> set[str]:
        asked = {
            "_AGGREGATOR_COMPLETE": "bash_complete",
            "COMP_WORDS": line,
            "COMP_CWORD": str(line.count(" ")),
        }
        done = subprocess.run(
            [sys.executable, "-c", "from aggregator.cli import main; main()"],
            env=os.environ | asked | {"PYTHONPATH": str(TOP)},
            capture_output=True,
            text=True,
            check=False,
        )
        return {word.rpartition(",")[2] for word in done.stdout.splitlines()}

    assert complete("aggregator s") >= {"show", "stories", "schema"}
    assert "--since" in complete("aggregator stories --s")
