"""Types of options that several commands take."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click


class Duration(click.ParamType[timedelta]):
    """A duration, as in the YAML: 30m, 2d."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> timedelta:
        """The duration that was written."""
        if isinstance(value, timedelta):
            return value
        from aggregator.units import parse_duration

        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, context)
