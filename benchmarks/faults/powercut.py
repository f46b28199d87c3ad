"""A power cut: a file system of its own loses what was not synced.

An ext4 in a file, mounted by a loop device. The cut is ext4's own: an ioctl stops the file system where it
stands, without writing its log (the tests of file systems use it). Mounted again, it has what had reached the
device, and nothing that only the kernel had. It needs root and a loop device.
"""

from __future__ import annotations

import fcntl
import os
import random
import struct
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.faults.child import Warm
from benchmarks.faults.kills import Tally, to_the_end
from benchmarks.faults.world import ONCE, SERVE, World, serving

_SIZE = 48 * 2**20  # bytes; a file with holes
_SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN
_WITHOUT_ITS_LOG = 2
_SHORTEST = 0.2  # seconds until the cut
_AFTERWARDS = 0.3  # seconds that the process meets a disk that is gone
_PATIENCE = 10.0  # seconds for a service to take in what lies there


class Disk:
    """A file system in a file, as a context manager; `place` is where it is mounted."""

    def __init__(self, folder: Path) -> None:
        self._image, self.place = folder / "disk.img", folder / "disk"

    def __enter__(self) -> Disk:
        with self._image.open("wb") as image:
            image.truncate(_SIZE)
        _do("mkfs.ext4", "-q", "-F", str(self._image))
        self.place.mkdir()
        self._mount()
        return self

    def __exit__(self, *_: object) -> None:
        if os.path.ismount(self.place):
            _do("umount", str(self.place))
        self._image.unlink()

    def sync(self) -> None:
        """All that was written so far is on the disk."""
        _do("sync", "-f", str(self.place))

    def cut(self) -> None:
        """The power goes."""
        handle = os.open(self.place, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(handle, _SHUTDOWN, struct.pack("I", _WITHOUT_ITS_LOG))
        finally:
            os.close(handle)

    def restore(self) -> None:
        """The power comes back: what was synced is there."""
        _do("umount", str(self.place))
        self._mount()

    def _mount(self) -> None:
        # The log is written late, so that the cut finds more that was never synced.
        _do("mount", "-o", "loop,commit=60", str(self._image), str(self.place))


def impossible(folder: Path) -> str | None:
    """Why there can be no such disk here; None where there can."""
    try:
        with Disk(folder) as disk:
            disk.cut()
    except (OSError, subprocess.CalledProcessError) as error:
        return f"needs root, ext4 and a loop device: {error}"
    return None


def rounds(
    warm: Warm, folder: Path, many: int, seed: int, fault: str | None = None, *, longest: float = 3.0
) -> Tally:
    """Poll and drop, cut off at random moments; the last run is left to its end.

    Args:
        warm: gives the processes.
        folder: an empty one.
        many: how many cuts.
        seed: of all that is random but the machine's own pace.
        fault: to be planted; it ends with the first finding.
        longest: seconds until the cut.

    """
    tally, rng = Tally(), random.Random(seed)
    with ExitStack() as stack:
        address, worlds = stack.enter_context(serving())
        disk = stack.enter_context(Disk(folder))
        world = World(disk.place / "world", rng)
        world.settle(address)
        worlds.append(world)
        for number in range(many):
            world.show()
            world.drop()
            disk.sync()  # who drops a file has synced it
            warm.start(world.order(SERVE if number % 2 else ONCE, fault=fault))
            if number % 2:  # it goes on working, so there is time to see that it has taken something
                _until_taken(world)
            time.sleep(rng.uniform(_SHORTEST, longest))
            disk.cut()
            time.sleep(_AFTERWARDS)
            warm.end()
            warm.ended()
            disk.restore()
            tally.add(world.findings(at_rest=False), killed=True)
            if fault and tally.findings:
                return tally
        to_the_end(warm, world, fault=fault)
        tally.findings.add(world.findings(at_rest=True))
    return tally


def _until_taken(world: World) -> None:
    """Wait until no file lies in the folder, or for long enough."""
    deadline = time.monotonic() + _PATIENCE
    while world.waiting() and time.monotonic() < deadline:
        time.sleep(0.01)


def _do(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
