"""The first minute: the two reports that are shipped, dropped into a folder."""

import shutil
from pathlib import Path

SAMPLES = Path(__file__).resolve().parents[2] / "config/samples"


def test_the_samples_are_one_story_wherever_it_is_read(aggregator, inbox, everywhere):
    """One story of two reports in the command's output, in both views and in all three feeds."""
    for sample in SAMPLES.glob("*.txt"):
        shutil.copy(sample, inbox)
    assert aggregator("once").status == 0
    assert set(map(tuple, everywhere().values())) == {(2,)}
    shown = aggregator("show", 1).out
    assert "the same event" in shown
    assert "Maren" in shown
    assert sorted(path.name for path in (inbox / "done").iterdir()) == sorted(
        path.name for path in SAMPLES.glob("*.txt")
    )


def test_dropping_them_again_changes_nothing(aggregator, inbox, everywhere):
    """Not a byte of what is published."""
    published = []
    for _ in range(2):
        for sample in SAMPLES.glob("*.txt"):
            shutil.copy(sample, inbox)
        assert aggregator("once").status == 0
        feeds = sorted((inbox.parent / "var/feeds").iterdir())
        published.append([(path.name, path.read_bytes()) for path in feeds])
    assert published[0] == published[1]
    assert set(map(tuple, everywhere().values())) == {(2,)}
