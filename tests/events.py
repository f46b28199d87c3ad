"""Made-up events that several tests tell: title and text of each report, and reports made of them."""

from datetime import UTC, datetime, timedelta

from aggregator.model import Report

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)

FIRE = (
    "Ferry Aurelia burns off Port Sallow, all 214 aboard saved",
    "The ferry Aurelia caught fire on Thursday night two miles off Port Sallow. Coastguard boats under "
    "Captain Ines Marrow took all 214 passengers and crew aboard, the harbour office said. Twelve people "
    "were treated for smoke. The fire began in the engine room shortly after nine, according to harbour "
    "master Tom Brel.",
)
FIRE_AGAIN = (
    "Rescuers bring everyone home after Aurelia blaze",
    "Every one of the 214 souls on the Aurelia is safe, Port Sallow's harbour master Tom Brel announced. "
    "Flames broke out below deck on Thursday evening; Ines Marrow, who led the coastguard's rescue, "
    "praised a calm crew. A dozen travellers breathed in smoke and went to hospital in Port Sallow.",
)
BUDGET = (
    "Parliament passes budget by three votes",
    "After a night of debate the lower house in Verden adopted next year's budget with 153 votes to 150. "
    "Finance minister Olga Tenn spoke of a fair compromise, while the opposition under Karl Ostrow called "
    "the cuts to schools a disgrace. The upper house is to vote on Tuesday.",
)
BUDGET_AGAIN = (
    "Olga Tenn's budget survives the night in Verden",
    "By 153 to 150 the deputies in Verden voted for the budget of finance minister Olga Tenn. Karl Ostrow, "
    "who leads the opposition, spoke of a disgrace for schools. On Tuesday the upper house votes.",
)
FIRE_LATER = (
    "Aurelia fire: inquiry opens in Port Sallow",
    "Investigators went aboard the burnt ferry Aurelia in Port Sallow. Harbour master Tom Brel and Captain "
    "Ines Marrow of the coastguard are to be heard first. All 214 people were rescued when the engine room "
    "caught fire on Thursday night; twelve were treated for smoke.",
)


_SPILL = (
    "Crews pulled the trawler Sanna off the Kalvik reef on Monday.",
    "Mayor Ilse Brandt opened a shelter in the school gym.",
    "Pump ship Orla skimmed 40 tonnes of diesel from the bay.",
    "Fishermen from Tornby lost 300 crab pots to the slick.",
    "Biologist Per Aune counted 17 oiled eiders at Langness.",
    "The insurer Havtrygg sent two surveyors to the quay.",
    "Prosecutor Dagny Moe seized the logbook of the pilot.",
    "Volunteers scrubbed the pebbles below Skarnes light.",
    "Minister Rolf Tangen promised five million for the cleanup.",
    "Divers welded a plate over the gash in the hull.",
)


def chain(sentences: int) -> list[tuple[str, str]]:
    """Reports of so many sentences, each of which has all but one of the sentences of the one before."""
    starts = range(len(_SPILL) - sentences + 1)
    return [(_SPILL[i][:-1], " ".join(_SPILL[i : i + sentences])) for i in starts]


def made(words: tuple[str, str], number: int, **given: object) -> Report:
    """A report with these words, by a publisher of its own; what is not given is plausible."""
    values: dict[str, object] = {
        "source": f"Paper {number}",
        "publisher": f"Paper {number}",
        "title": words[0],
        "text": words[1],
        "language": "en",
        "published": NOON + timedelta(minutes=number),
        "dated": True,
        "seen": NOON,
        "url": f"https://paper{number}.example/a",
        "keys": (f"guid:{number}",),
    }
    return Report(**(values | given))  # type: ignore[arg-type]
