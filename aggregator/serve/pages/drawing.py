"""Small pictures as SVG: how a story grew, when a source's reports come, and what a verdict is made of.

Each is markup of numbers and of names that are ours; it needs no script and no style of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from markupsafe import Markup, escape

from aggregator.dedup import verdict

_SPARK = (96, 20)  # units wide and high
_HOURS = (240, 48)
_LEAST = 0.005  # log odds that are drawn
_ROW = 18  # units high
_NAMES, _BARS, _NUMBERS = 90, 220, 60  # units wide


def sparkline(moments: Sequence[datetime]) -> Markup:
    """How many reports there were at each moment from the first to the last; nothing for a single one."""
    if len(moments) < 2:
        return Markup("")
    wide, high = _SPARK
    first, last = min(moments), max(moments)
    span = max((last - first).total_seconds(), 1.0)
    steps = []
    for number, moment in enumerate(sorted(moments)[:200], 1):
        x = (moment - first).total_seconds() / span * (wide - 4) + 2
        y = high - 2 - (high - 4) * number / min(len(moments), 200)
        steps.append(f"{x:.1f},{y:.1f}")
    said = f"{len(moments)} reports in {_span(span)}"
    return Markup(
        '<svg class="spark" role="img" aria-label="{said}" viewBox="0 0 {wide} {high}" width="{wide}" '
        'height="{high}"><polyline points="2,{base} {steps}" fill="none" stroke="currentColor" '
        'stroke-width="1.5"/></svg>'
    ).format(said=said, wide=wide, high=high, base=high - 2, steps=" ".join(steps))


def _span(seconds: float) -> str:
    hours = seconds / 3600
    return f"{hours / 24:.0f} days" if hours >= 48 else f"{hours:.0f} hours" if hours >= 2 else "two hours"


def hours(moments: Sequence[datetime]) -> Markup:
    """At which hours of the day (UTC) they were."""
    wide, high = _HOURS
    counts = Counter(moment.hour for moment in moments)
    most = max(counts.values(), default=1)
    bars = Markup("").join(
        Markup(
            '<rect x="{}" y="{}" width="8" height="{}" fill="currentColor"><title>{}</title></rect>'
        ).format(
            hour * 10 + 1,
            f"{high - tall:.1f}",
            f"{tall:.1f}",
            f"{hour:02}:00 UTC: {counts[hour]}",
        )
        for hour in range(24)
        if (tall := counts[hour] / most * high)
    )
    said = (
        f"Arrivals by hour of the day, UTC; most at {max(counts, key=lambda h: counts[h], default=0):02}:00"
    )
    return Markup(
        '<svg class="hours" role="img" aria-label="{}" viewBox="0 0 {} {}" width="{}" height="{}">{}</svg>'
    ).format(said, wide, high, wide, high, bars)


def waterfall(signals: Mapping[str, float]) -> Markup:
    """What each term of a verdict adds to the log odds, one below the other; nothing where there is none."""
    model = verdict.shipped_model()
    weights = dict(zip(verdict.TERMS, model.weights.tolist(), strict=True))
    terms = [("intercept", model.intercept)]
    products = [(name, weights[name] * value) for name, value in signals.items() if name in weights]
    terms += [(name, adds) for name, adds in products if abs(adds) >= _LEAST]
    if len(terms) < 2:
        return Markup("")
    ends = [0.0]
    for _, adds in terms:
        ends.append(ends[-1] + adds)
    low, high = min(ends), max(ends)
    scale = (_BARS - 4) / max(high - low, 0.1)
    rows = Markup("").join(
        _row(number, name, (start - low) * scale + _NAMES + 2, adds, scale)
        for number, ((name, adds), start) in enumerate(zip(terms, ends, strict=False))
    )
    said = ", ".join(f"{name} {adds:+.2f}" for name, adds in terms)
    wide, tall = _NAMES + _BARS + _NUMBERS, _ROW * len(terms)
    return Markup(
        '<svg class="waterfall" role="img" aria-label="{}" viewBox="0 0 {} {}" width="{}">{}</svg>'
    ).format(f"Terms of the verdict, in log odds: {said}; together {ends[-1]:+.2f}", wide, tall, wide, rows)


def _row(number: int, name: str, start: float, adds: float, scale: float) -> Markup:
    left, width = min(start, start + adds * scale), max(abs(adds) * scale, 1.0)
    y = number * _ROW
    return Markup(
        '<text x="0" y="{}">{}</text><rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title>'
        '</rect><text x="{}" y="{}">{}</text>'
    ).format(
        y + 13,
        escape(name),
        "for" if adds >= 0 else "against",
        f"{left:.1f}",
        y + 3,
        f"{width:.1f}",
        _ROW - 6,
        verdict.MEANING.get(name, "log odds with nothing in common"),
        _NAMES + _BARS + 6,
        y + 13,
        f"{adds:+.2f}",
    )
