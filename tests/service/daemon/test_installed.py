"""The wheel, installed as the unit says, in a system that is only files; the test plays systemd's part.

Nothing is booted: the unit is read, and what it asks for is made below a folder that stands for ``/``.
There all is read-only that is not the service's own, and root's privileges are gone, as the unit has it.
"""

import importlib.util
import os
import shlex
import shutil
import signal
import site
import socket
import stat
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[3]
PATIENCE = 60.0  # seconds for what takes a few, on a machine that is busy with something else

FERRY = "The ferry Aurelia burns off Port Sallow\n\nAll 214 people aboard are saved.\n"
COMET = "The comet Brandt returns\n\nIt was last seen 76 years ago.\n"
CONFIGURATION = """
sources:
  - {name: Inbox, folder: drop, every: 1s}
folders: {settle: 0s}
publish: {directory: PLACE/run/aggregator/feeds}
"""


class System:
    """A system of files, with the service in it.

    Attributes:
        root: stands for ``/``.
        unit: each directive of the unit that is looked at, with its values.
        told: what the manager's end of the notify socket has heard.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.unit: dict[str, list[str]] = {}
        self.told: list[str] = []
        self.log = root / "journal"
        self.ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.ear.settimeout(PATIENCE)
        self.process: subprocess.Popen[bytes] | None = None
        # setpriv comes with every Debian; who is not root has nothing to lose.
        bare = ("setpriv", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all")
        self.bare = bare if os.geteuid() == 0 and shutil.which("setpriv") else ()

    def at(self, path: str) -> Path:
        """A path of the system."""
        return self.root / path.lstrip("/")

    def value(self, name: str) -> str:
        (found,) = self.unit[name]
        return found

    def command(self, name: str) -> list[str]:
        """A command of the unit; its own paths are below the root, /usr/bin and /bin are this machine's."""
        own = ("/opt/", "/etc/")
        words = shlex.split(self.value(name))
        assert (self.value("NoNewPrivileges"), self.value("CapabilityBoundingSet")) == ("yes", "")
        return [*self.bare, *(str(self.at(word)) if word.startswith(own) else word for word in words)]

    def look_at(self, name: str) -> None:
        """Take the directives of an installed unit."""
        self.unit.clear()
        for line in self.at(f"/opt/aggregator/share/aggregator/systemd/{name}").read_text().splitlines():
            if line and not line.startswith(("#", "[")):
                directive, _, value = line.partition("=")
                self.unit.setdefault(directive, []).append(value)

    def install(self, wheel: Path) -> None:
        """As the head of the unit says."""
        place = self.at("/opt/aggregator")
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
        packages = place / f"lib/python{sysconfig.get_python_version()}/site-packages"
        others = [sysconfig.get_path("purelib"), site.getusersitepackages()]
        (packages / "dependencies.pth").write_text("\n".join(others))  # those of the tests: no network
        pip = [sys.executable, "-m", "pip", "--python", place / "bin/python", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", wheel], check=True)
        self.look_at("aggregator.service")
        (self.root / "etc/aggregator").mkdir(parents=True)
        configuration = CONFIGURATION.replace("PLACE", str(self.root))
        (self.root / "etc/aggregator/aggregator.yaml").write_text(configuration)
        (self.root / "etc/aggregator/environment").write_text("AGGREGATOR_SERVE__PORT=0\n")
        (self.root / "etc/credstore").mkdir()
        (self.root / "etc/credstore/aggregator.database").write_text("sqlite:///secret.db\n")

    def environ(self) -> dict[str, str]:
        """What systemd hands over: nothing of its own environment."""
        name, _, secret = self.value("LoadCredential").partition(":")
        credentials = self.at("/run/credentials/aggregator.service")
        if not credentials.exists():
            credentials.mkdir(parents=True)
            (credentials / name).write_bytes(self.at(f"/etc/credstore/{secret}").read_bytes())
            (credentials / name).chmod(0o400)
            self.ear.bind(f"{self.root}/run/notify")
        file = self.at(self.value("EnvironmentFile").removeprefix("-"))
        journal = self.log.stat()
        return {
            "PATH": "/usr/bin:/bin",
            "HOME": "/",
            "NOTIFY_SOCKET": f"{self.root}/run/notify",
            "JOURNAL_STREAM": f"{journal.st_dev}:{journal.st_ino}",
            "CREDENTIALS_DIRECTORY": str(credentials),
            **dict(line.split("=", 1) for line in file.read_text().splitlines()),
        }

    def seal(self) -> None:
        """What ``ProtectSystem=strict`` does: nothing can be written but where the service is at home."""
        assert self.value("ProtectSystem") == "strict"
        own = [self.at("/var/lib/aggregator"), self.at("/run"), self.log]
        for path in (self.root, *self.root.rglob("*")):
            if not path.is_symlink() and not any(path.is_relative_to(each) for each in own):
                path.chmod(stat.S_IMODE(path.stat().st_mode) & ~0o222)

    def start(self) -> None:
        """What `systemctl start` does."""
        state = self.at(f"/var/lib/{self.value('StateDirectory')}")
        for folder in (state, self.at(f"/run/{self.value('RuntimeDirectory')}")):
            folder.mkdir(parents=True, exist_ok=True)
        assert self.at(self.value("WorkingDirectory")) == state
        umask = int(self.value("UMask"), 8)
        self.log.touch()
        with self.log.open("ab") as journal:
            environ = self.environ()
            self.seal()
            subprocess.run(self.command("ExecStartPre"), cwd=state, env=environ, umask=umask, check=True)
            self.process = subprocess.Popen(
                self.command("ExecStart"), cwd=state, env=environ, umask=umask, stderr=journal
            )

    def until_told(self, word: str) -> str:
        """Wait for a word of the service."""
        while True:
            said = self.ear.recv(4096).decode()
            self.told.append(said)
            if f"{word}=1" in said.splitlines():
                return said

    def files(self) -> dict[str, int]:
        """Everything outside of what the service owns, and when it was changed."""
        own = [self.at("/var/lib/aggregator"), self.at("/run"), self.log]
        return {
            str(path): path.lstat().st_mtime_ns
            for path in self.root.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
            if not any(path.is_relative_to(each) for each in own)
        }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel of this checkout."""
    if not importlib.util.find_spec("hatchling"):
        pytest.skip("needs hatchling, which builds the wheel; `make test` installs it")
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet"]
    done = subprocess.run(
        [*pip, "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder, TOP],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture
def system(tmp_path, wheel) -> Iterator[System]:
    made = System(tmp_path / "root")
    made.root.mkdir()
    made.install(wheel)
    yield made
    made.ear.close()
    if made.process:
        made.process.kill()
        made.process.wait()
    for path in made.root.rglob("*/"):
        path.chmod(0o700)  # so that it can be deleted


def test_the_unit_starts_what_the_wheel_has_installed(system: System, until: Callable[..., None]) -> None:
    """Ready, alive, reloaded and stopped, with its files where the unit says and nothing anywhere else.

    Then once more by the other unit.
    """
    before = system.files()
    system.start()
    assert system.process
    assert "STATUS=reading 1 source" in system.until_told("READY")
    system.until_told("WATCHDOG")
    state = system.at("/var/lib/aggregator")
    (state / "drop/ferry.txt").write_text(FERRY)
    feed = system.at("/run/aggregator/feeds/all.json")
    until(lambda: feed.exists() and "Aurelia" in feed.read_text(), "the story")
    assert stat.S_IMODE(feed.stat().st_mode) == 0o644, "a web server can read it"
    assert stat.S_IMODE(feed.parent.stat().st_mode) == 0o755, "and enter its folder"
    for name in ("secret.db", "secret.db.service"):  # the credential names the database
        assert not stat.S_IMODE((state / name).stat().st_mode) & 0o133, "others may not write to it"
    assert not (state / "var").exists()

    reload = system.value("ExecReload").replace("$MAINPID", str(system.process.pid))
    subprocess.run(shlex.split(reload), check=True)
    assert "MONOTONIC_USEC=" in system.until_told("RELOADING")
    system.until_told("READY")

    began = time.monotonic()
    system.process.send_signal(signal.SIGTERM)
    system.until_told("STOPPING")
    assert system.process.wait(PATIENCE) == 0
    assert time.monotonic() - began < int(system.value("TimeoutStopSec"))
    assert system.files() == before, "it owns its state and its runtime folder, and writes nowhere else"
    lines = system.log.read_text().splitlines()
    assert lines
    assert all(line.startswith(("<6>", "<4>")) for line in lines), "a priority, and no second time stamp"
    assert lines[0].startswith("<6>service.started ")

    # The other way to run it: what the timer starts goes on where the service has stopped.
    system.look_at("aggregator-once.service")
    (state / "drop/comet.txt").write_text(COMET)
    (state / "drop/seal.exe").write_text("no reader for that")
    system.start()
    assert system.process.wait(PATIENCE) == int(system.value("SuccessExitStatus")), "no failure of the unit"
    assert (state / "drop/failed/seal.exe").exists()
    assert (state / "drop/done/comet.txt").exists()
    assert all(word in feed.read_text() for word in ("Aurelia", "Brandt"))
    assert system.files() == before
