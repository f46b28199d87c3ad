"""How the project is packaged, and the unit that runs it."""

import importlib.metadata
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

import aggregator
from aggregator.configuration import OF_THE_MACHINE

TOP = Path(__file__).resolve().parents[1]
UNITS = sorted((TOP / "systemd").iterdir())
UNIT = TOP / "systemd" / "aggregator.service"
ONCE = TOP / "systemd" / "aggregator-once.service"
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text())

# Every directive that a unit may have; `systemd-analyze verify` lets a misspelt one pass.
DIRECTIVES = {
    "Unit": {"Description", "Wants", "After", "Conflicts", "StartLimitIntervalSec"},
    "Service": {
        *(
            "Type",
            "ExecStart",
            "ExecStartPre",
            "ExecReload",
            "WatchdogSec",
            "TimeoutStartSec",
            "TimeoutStopSec",
        ),
        *("LoadCredential", "EnvironmentFile", "WorkingDirectory", "UMask", "KillMode", "SuccessExitStatus"),
        *("Restart", "RestartSec", "RestartPreventExitStatus", "MemoryMax", "OOMPolicy", "TasksMax"),
        *("DynamicUser", "StateDirectory", "RuntimeDirectory", "RuntimeDirectoryPreserve"),
        *("ProtectSystem", "ProtectHome", "ProtectProc"),
        *("ProcSubset", "ProtectKernelTunables", "ProtectKernelModules", "ProtectKernelLogs", "ProtectClock"),
        *("ProtectControlGroups", "ProtectHostname", "PrivateTmp", "PrivateDevices", "PrivateUsers"),
        *("PrivateMounts", "NoNewPrivileges", "CapabilityBoundingSet", "AmbientCapabilities", "RemoveIPC"),
        *("RestrictAddressFamilies", "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID"),
        *("LockPersonality", "MemoryDenyWriteExecute"),
        *("SystemCallArchitectures", "SystemCallFilter", "SystemCallErrorNumber"),
    },
    "Timer": {"OnBootSec", "OnUnitInactiveSec", "RandomizedDelaySec"},
    "Install": {"WantedBy"},
}


def directives(unit: Path = UNIT) -> list[tuple[str, str, str, str]]:
    """Section, name, value and the line before, of each directive of a unit."""
    found, section, before = [], "", ""
    for line in unit.read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.append((section, name, value, before))
        before = line
    return found


@pytest.fixture(scope="module")
def unit() -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for _, name, value, _ in directives():
        values.setdefault(name, []).append(value)
    return values


# ---- the package ----


def test_the_version_is_one():
    """What is installed, what the code says and what is built are one version."""
    assert PROJECT["project"]["version"] == aggregator.__version__
    try:
        installed = importlib.metadata.version("story-aggregator")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("runs from a bare checkout: nothing is installed to compare with")
    assert installed == aggregator.__version__


def test_the_command_is_the_top_floor():
    """One console script, at the command line's door."""
    assert PROJECT["project"]["scripts"] == {"aggregator": "aggregator.cli:main"}


def test_the_wheel_has_both_packages_and_their_data():
    """Import packages, types, the commented configuration and the unit are all shipped."""
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    for package in wheel["packages"]:
        assert (TOP / package / "py.typed").is_file()
        assert (TOP / package / "__init__.py").is_file()
    for folder in wheel["shared-data"]:
        assert any((TOP / folder).iterdir())
        assert not list((TOP / folder).rglob("*.py")), "data folders hold no code"


def test_every_requirement_has_a_ceiling():
    """The next major version of a library breaks nobody's installation."""
    groups = [PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"].values()]
    assert [each for group in groups for each in group if not re.search(r"~=|<", each)] == []


def test_the_licence_is_what_the_metadata_says():
    """The file and the metadata name the same licence."""
    assert PROJECT["project"]["license"] == "MIT"
    text = (TOP / "LICENSE").read_text()
    assert text.startswith("MIT License")
    assert "the story-aggregator authors" in text


# ---- the commands ----


@pytest.mark.parametrize("target", ["help", "run", "test", "lint", "clean"])
def test_make_knows_what_people_type(target):
    """Each target is there and says what it does."""
    done = subprocess.run(["make", "--silent", "help"], cwd=TOP, capture_output=True, text=True, check=True)
    assert re.search(rf"^  make {target} +\S", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("python", ["false", "no-such-python"])
def test_an_old_python_is_told_in_plain_words(tmp_path, python):
    """With a Python that is too old, or none, make says what is needed and how to name another."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(TOP / name, tmp_path)
    done = subprocess.run(
        ["make", "run", f"PYTHON={python}"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "needs Python 3.11 or newer" in done.stderr
    assert "make PYTHON=python3.11 run" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_ci_can_be_run():
    """The script is executable and reads as bash."""
    script = TOP / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", str(script)], check=True)


# ---- the unit ----


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_every_directive_is_known_and_explained(path):
    """A misspelt directive would be ignored by systemd; one without a reason would be copied for ever."""
    for section, name, _, before in directives(path):
        assert name in DIRECTIVES[section], f"[{section}] {name}"
        assert before.startswith("# "), f"{name} has no comment"


def test_the_unit_runs_the_command_that_is_installed(unit):
    """The program's name is the console script's, and the configuration is where the unit's text says."""
    (start,) = unit["ExecStart"]
    program, *arguments = start.split()
    assert Path(program).name in PROJECT["project"]["scripts"]
    assert arguments == ["--config", str(OF_THE_MACHINE), "run"], "where commands look for it too"
    assert Path("/etc/aggregator/aggregator.yaml") == OF_THE_MACHINE, "as the head of the unit has it"


def test_the_unit_is_tended(unit):
    """It says when it is ready, has to say that it is well, and reads its configuration again on SIGHUP."""
    assert unit["Type"] == ["notify"]
    assert unit["WatchdogSec"] == ["5min"]
    assert unit["ExecReload"][0].endswith("kill -HUP $MAINPID")
    assert (unit["Restart"], unit["StartLimitIntervalSec"]) == (["on-failure"], ["0"])
    assert unit["LoadCredential"] == ["AGGREGATOR_DATABASE:aggregator.database"]


def test_both_ways_to_run_it_are_fenced_in_alike():
    """The service and the one look have one sandbox, one state and one configuration."""
    own = {"Type", "WatchdogSec", "ExecReload", "TimeoutStartSec", "ExecStart", "SuccessExitStatus"}
    own |= {"Restart", "RestartSec", "RestartPreventExitStatus", "RuntimeDirectoryPreserve"}

    def shared(path: Path) -> list[tuple[str, str]]:
        found = [(name, value) for section, name, value, _ in directives(path) if section == "Service"]
        return sorted(each for each in found if each[0] not in own)

    assert shared(ONCE) == shared(UNIT)
    (start,) = [value for _, name, value, _ in directives(ONCE) if name == "ExecStart"]
    assert start.endswith("--config /etc/aggregator/aggregator.yaml once")


def test_the_unit_lets_others_read_what_is_published(unit):
    """Files are readable by a web server, and it can enter the folder that the unit recommends for them."""
    assert unit["UMask"] == ["0022"]
    assert unit["RuntimeDirectory"] == ["aggregator"]
    assert "/run/aggregator/feeds" in UNIT.read_text()


def test_the_unit_makes_the_drop_folder_of_the_shipped_configuration(unit, tmp_path):
    """Or the first start would end with a wrong configuration; the second one finds it there."""
    (made,) = unit["ExecStartPre"]
    for _ in range(2):
        subprocess.run(made.split(), cwd=tmp_path, check=True)
    shipped = (TOP / "config/aggregator.yaml").read_text()
    folders = re.findall(r"^ +folder: (\S+)", shipped, re.MULTILINE)
    assert folders
    assert all((tmp_path / folder).is_dir() for folder in folders)


def test_the_unit_cuts_off_no_resolver(unit):
    """A name server on the local network stays in reach."""
    assert not {"IPAddressDeny", "IPAddressAllow", "PrivateNetwork"} & set(unit)


def test_the_unit_owns_its_state_and_nothing_else(unit):
    """The working directory is the one state directory; all else is read-only, and no privilege is kept."""
    assert unit["WorkingDirectory"] == [f"/var/lib/{unit['StateDirectory'][0]}"]
    assert (unit["DynamicUser"], unit["ProtectSystem"], unit["NoNewPrivileges"]) == (
        ["yes"],
        ["strict"],
        ["yes"],
    )
    assert unit["CapabilityBoundingSet"] == [""]
    assert int(unit["TimeoutStopSec"][0]) <= 15


# ---- the unit as systemd sees it; these only read files, nothing is started ----


@pytest.fixture(scope="module")
def analyze():
    """`systemd-analyze`; where it is missing the tests above still hold."""
    program = shutil.which("systemd-analyze")
    if not program:
        pytest.skip("needs systemd-analyze, which comes with systemd")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([program, *arguments], capture_output=True, text=True, check=False, timeout=60)

    return run


def runnable(folder: Path, unit: Path, text: str | None = None) -> str:
    """A copy of a unit whose program exists on every machine."""
    for path in UNITS:
        shown = text if text is not None and path == unit else path.read_text()
        (folder / path.name).write_text(shown.replace("/opt/aggregator/bin/aggregator", "/bin/true"))
    return str(folder / unit.name)


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_finds_nothing_to_say(analyze, tmp_path, path):
    """`verify` says nothing of a unit; a misspelt one leaves its exit status 0, so words are judged."""

    def said(text: str) -> list[str]:
        done = analyze("verify", runnable(tmp_path, path, text))
        # It looks at the units of this machine too; what it thinks of those is not our business.
        return [line for line in (done.stdout + done.stderr).splitlines() if path.stem in line]

    assert said(path.read_text()) == []
    misspelt = path.read_text().replace("Description=", "Descriptoin=")
    assert "Descriptoin" in said(misspelt)[0]


@pytest.mark.parametrize("path", [UNIT, ONCE], ids=lambda path: path.name)
def test_a_unit_is_hardly_exposed(analyze, tmp_path, path):
    """The exposure that systemd computes is at most 1.5 of 10."""
    arguments = ("security", "--offline=true", "--threshold=15", "--no-pager")
    done = analyze(*arguments, runnable(tmp_path, path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Overall exposure level for \S+: [01]\.", done.stdout)
