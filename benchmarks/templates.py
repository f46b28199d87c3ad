"""Feeds with a template, first poll: how many wrong pairs, and is one thing of two sources found?

    python -m benchmarks.templates

Eight made-up items of each kind, all in one body; of advisories, quakes and papers a second source tells the
same eight in words of its own.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from aggregator.model import Report
from aggregator.settings import Dedup
from aggregator.stories.ingest import ingest
from aggregator.stories.linker import Linker
from aggregator.stories.second_look import look_again
from storage import stories
from storage.database import Database

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ITEMS = 8
THINGS = (
    *("Aurelia Mail", "Tarnvik Router", "Hestoy Player", "Orlec Backup"),
    *("Lundvall VPN", "Maren Print Server", "Solund Kernel", "Skou Browser"),
)
PLACES = ("Tarnvik", "Hestoy", "Orlec", "Lundvall", "Port Sallow", "Verden", "Brel Island", "Marrow Bay")
PEOPLE = (
    *("Olga Tenn", "Karl Ostrow", "Ines Marrow", "Tom Brel"),
    *("Vesna Tomac", "Peder Lund", "Henrik Aalto", "Maja Skou"),
)
SUBJECTS = (
    "lock gates",
    "herring",
    "night trains",
    "beekeeping",
    "tide mills",
    "glass",
    "lighthouses",
    "maps",
)
TRADES = ("Python", "Go", "Rust", "Data", "QA", "Cloud", "Web", "ML")

Template = Callable[[int], tuple[str, str]]

KINDS: dict[str, tuple[Template, ...]] = {
    "advisory": (
        lambda i: (
            f"{THINGS[i]} security update (CVE-2026-{1000 + i})",
            f"A vulnerability in {THINGS[i]} could allow a remote attacker to execute arbitrary code. "
            f"CVE-2026-{1000 + i}. Users should update to the latest version. Severity: high.",
        ),
        lambda i: (
            f"Advisory HN-{70 + i}: flaw in {THINGS[i]}",
            f"Harbour Networks ships {THINGS[i]}; CVE-2026-{1000 + i} affects it. A patch is out.",
        ),
    ),
    "quake": (
        lambda i: (
            f"M {4.1 + i / 10:.1f} - {12 + 7 * i} km SW of {PLACES[i]}",
            f"An earthquake of magnitude {4.1 + i / 10:.1f} occurred {12 + 7 * i} km SW of {PLACES[i]} at a "
            f"depth of {5 + i} km.",
        ),
        lambda i: (
            f"{4.1 + i / 10:.1f} earthquake near {PLACES[i]}",
            f"Quake of {4.1 + i / 10:.1f} felt in {PLACES[i]}, {12 + 7 * i} km away.",
        ),
    ),
    "paper": (
        lambda i: (
            f"Learning {SUBJECTS[i]} representations with sparse attention",
            f"arXiv:2601.0{1000 + i} We propose a novel method for {SUBJECTS[i]} that outperforms the "
            "state of the art on three benchmarks. Code is available.",
        ),
        lambda i: (
            f"Paper of the day: sparse attention for {SUBJECTS[i]}",
            f"A look at arXiv:2601.0{1000 + i}, on {SUBJECTS[i]}.",
        ),
    ),
    "job": (
        lambda i: (
            f"Senior {TRADES[i]} Engineer ({PLACES[i]})",
            "We are looking for a senior engineer to join our growing team. Competitive salary, apply now.",
        ),
    ),
    "episode": (
        lambda i: (
            f"Episode {40 + i}: {SUBJECTS[i].title()} with {PEOPLE[i]}",
            f"In this episode we talk with {PEOPLE[i]} about {SUBJECTS[i]}. Subscribe anywhere.",
        ),
    ),
    "price": (
        lambda i: (
            f"Price drop: {THINGS[i]} now ${20 + 11 * i}.99",
            f"The price of {THINGS[i]} has dropped to ${20 + 11 * i}.99 from ${50 + 13 * i}.99. Buy now.",
        ),
    ),
    "weather": (
        lambda i: (
            f"Wind warning for {PLACES[i]} county",
            f"The weather service has issued a wind warning for {PLACES[i]} from {i + 1} to {i + 5} pm. "
            f"Gusts up to {60 + i} km/h are expected. Secure loose objects.",
        ),
    ),
    "match": (
        lambda i: (
            f"{PLACES[i]} 2-1 {PLACES[(i + 3) % ITEMS]}",
            f"{PLACES[i]} beat {PLACES[(i + 3) % ITEMS]} 2-1 in the league on Saturday. Goals came late.",
        ),
    ),
    "video": (
        lambda i: (
            f"{PEOPLE[i]} on {SUBJECTS[i]}",
            f"{PEOPLE[i]} shows {SUBJECTS[i]}. Subscribe to our channel and hit the bell. Follow us.",
        ),
    ),
    "release": (
        lambda i: (
            f"{THINGS[i % 3]} {i}.{i + 2}.0 released",
            f"This release has bug fixes and improvements. Download {THINGS[i % 3]} {i}.{i + 2}.0 now.",
        ),
    ),
    "court": (
        lambda i: (
            f"{PEOPLE[i]} v. State of {PLACES[i]}, No. 26-{100 + i}",
            f"The court affirmed No. 26-{100 + i}. Opinion by Justice {PEOPLE[(i + 1) % ITEMS]}.",
        ),
    ),
    "recipe": (
        lambda i: (
            f"Easy {SUBJECTS[i]} cake in 30 minutes",
            f"This easy {SUBJECTS[i]} cake is ready in 30 minutes. Mix flour and butter, bake until golden.",
        ),
    ),
    "count": (
        lambda i: (
            f"{PLACES[i]} reports {100 + 17 * i} new cases",
            f"Health officials in {PLACES[i]} reported {100 + 17 * i} new cases on Friday. Clinics cope.",
        ),
    ),
    "quiz": (
        lambda i: (
            f"Quiz: how much do you know about {SUBJECTS[i]}?",
            "Test your knowledge with our ten questions and share your score with your friends.",
        ),
    ),
}


def reports(kind: str) -> list[list[Report]]:
    """What each source of a kind shows at its first poll."""
    return [
        [
            Report(
                source=f"{kind} {source}",
                publisher=f"{kind} {source}",
                title=template(i)[0],
                text=template(i)[1],
                language="en",
                published=NOW - timedelta(minutes=37 * i),
                dated=True,
                seen=NOW,
                url=f"https://{kind}{source}.example/{i}",
                keys=(f"guid:{kind}:{source}:{i}",),
            )
            for i in range(ITEMS)
        ]
        for source, template in enumerate(KINDS[kind])
    ]


def measure(kind: str) -> tuple[int, int, int, int]:
    """Items, wrong pairs, pairs of one thing, and how many of these were found."""
    database, linker = Database("sqlite://"), Linker(Dedup())
    shown = reports(kind)
    for body in shown:
        with database.writing() as tx:
            ingest(tx, linker, body, NOW)
    with database.writing() as tx:
        look_again(tx, linker, NOW)
    with database.reading() as tx:
        story_of = stories.partition(tx)
    database.close()
    thing = {report: number % ITEMS for number, report in enumerate(sorted(story_of))}
    pairs = list(itertools.combinations(story_of, 2))
    wrong = sum(story_of[a] == story_of[b] and thing[a] != thing[b] for a, b in pairs)
    one = [(a, b) for a, b in pairs if thing[a] == thing[b]]
    return len(story_of), wrong, len(one), sum(story_of[a] == story_of[b] for a, b in one)


def main() -> None:
    """Print a line a kind."""
    total = [0, 0, 0, 0]
    for kind in KINDS:
        figures = measure(kind)
        total = [a + b for a, b in zip(total, figures, strict=True)]
        print(f"{kind:9} {figures[0]:3} items  {figures[1]} wrong pairs  {figures[3]} of {figures[2]} found")
    print(f"{'all':9} {total[0]:3} items  {total[1]} wrong pairs  {total[3]} of {total[2]} found")


if __name__ == "__main__":
    main()
