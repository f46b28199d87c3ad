"""The JSON API does what its OpenAPI document says, whatever it is asked: schemathesis looks for more."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from desk import Desk
from events import BUDGET, BUDGET_AGAIN, FIRE, FIRE_AGAIN, FIRE_LATER, made
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from shop import Shop, opened

from aggregator.serve import api, pages, visitors
from storage import readers
from storage.database import Database

TOKEN = "letmein"
NOWHERE: Any = None
DOCUMENT = api.application(pages.Desk(NOWHERE, NOWHERE, NOWHERE, NOWHERE, NOWHERE)).openapi()
OPERATIONS = sorted(each.ok().label for each in schemathesis.openapi.from_dict(DOCUMENT).get_all_operations())
FREE = ("GET /stories", "GET /search")
"""A query and a cursor are texts that not every text is; no schema says which."""


NAMING = ("POST /corrections", "POST /sources/pause", "POST /sources/resume")
"""Which stories and which sources there are, no schema says; these do what was asked elsewhere."""


@pytest.fixture
def served(tmp_path) -> Iterator[Shop]:
    database = Database(f"sqlite:///{tmp_path}/a.db")
    desk = Desk(database)
    desk.take(*(made(each, n) for n, each in enumerate((FIRE, FIRE_AGAIN, BUDGET, BUDGET_AGAIN, FIRE_LATER))))
    with database.writing() as tx:
        who = readers.add(tx, "ines", "no password fits this", desk.now)
        readers.give(tx, who, visitors.digest(TOKEN), "robot", "write", desk.now)
    with opened(desk) as shop:
        yield shop
    database.close()


@pytest.mark.parametrize(
    ("label", "mode"),
    [
        *((label, GenerationMode.POSITIVE) for label in OPERATIONS),
        *(
            (label, GenerationMode.NEGATIVE) for label in OPERATIONS if label != "GET /health"
        ),  # takes nothing
    ],
    ids=str,
)
def test_it_is_as_it_says(served, label, mode):
    """Each answer is one of those that the document names, as it describes it; some do what was asked."""
    document = schemathesis.openapi.from_url(f"{served.url}/api/v1/openapi.json")
    operation = next(each.ok() for each in document.get_all_operations() if each.ok().label == label)
    loose = [positive_data_acceptance] if label in FREE else []
    answered = set()
    if label.endswith("/undo"):
        served.desk.merge(1, 2)

    @settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def each(case: schemathesis.Case) -> None:
        answer = case.call_and_validate(headers={"Authorization": f"Bearer {TOKEN}"}, excluded_checks=loose)
        answered.add(answer.status_code)

    each()
    if mode == GenerationMode.POSITIVE and label not in NAMING:
        assert min(answered) < 300
