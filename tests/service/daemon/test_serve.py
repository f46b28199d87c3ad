"""`aggregator serve`: the pages alone, over a database that another process keeps."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

from desk import Desk
from events import FIRE, made

from storage.database import Database

TOP = Path(__file__).resolve().parents[3]


def test_it_shows_the_stories_and_stops(tmp_path):
    """It says where, answers there, offers no form, and ends well when it is told to."""
    database = Database(f"sqlite:///{tmp_path}/a.db")
    Desk(database).take(made(FIRE, 0))
    database.close()
    (tmp_path / "a.yaml").write_text(
        f"database: sqlite:///{tmp_path}/a.db\nsources: [{{name: Paper 0, url: 'https://paper0.example/'}}]\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "aggregator", "--config", "a.yaml", "serve"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(TOP)},
    )
    assert process.stderr is not None
    with process:
        said = next(line.decode() for line in process.stderr if b"http://" in line)
        (address,) = re.findall(r"http://127\.0\.0\.1:\d+", said)
        with urlopen(f"{address}/stories/1") as answer:
            text = answer.read().decode()
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
    assert FIRE[0] in text
    assert 'method="post"' not in text
    assert process.returncode == 0
