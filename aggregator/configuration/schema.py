"""The JSON Schema of the YAML file, for editors, and the text of ``config/schema.json``."""

from __future__ import annotations

import json
from typing import Any

from aggregator.settings import Settings

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """What the YAML file may hold: types, bounds, defaults and descriptions of all settings."""
    # "serialization", because only that writes the defaults as people do: 15m, 10 MB.
    schema = Settings.model_json_schema(mode="serialization")
    return {"$schema": DIALECT, "title": "Configuration of aggregator", **_tidy(schema)}


def as_text() -> str:
    """The schema as ``config/schema.json`` holds it."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def _tidy(node: Any) -> Any:
    """Without pydantic's titles (the keys again), and without defaults that are empty or a whole section."""
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: _tidy(value) for key, value in node.items()}
    if isinstance(kept.get("title"), str):  # else it is a property of this name
        del kept["title"]
    if "default" in kept and (kept["default"] is None or "$ref" in kept):
        del kept["default"]
    return kept
