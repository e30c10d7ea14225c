"""The geometry of a chart with one column or point for each day: where things are, never how they look.

Across, everything is in percent of the chart's width, so that a picture fits any screen and its text keeps its size. Down, it is
in pixels from the top. Values are exact until they become places.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Value = Decimal | int | None

#: Pixels above the highest tick, for a column's own label, and below the baseline, for the days.
HEAD, FOOT = 22, 24
#: Share of its slot that a column fills.
FILL = 0.72
#: A zero is drawn this high: it is known, where a gap is not.
STUB = 1.5
#: Of every so many slots, counted back from the last, one has its label.
LABEL_EVERY = 7
_STEPS = (Decimal(1), Decimal(2), Decimal(5), Decimal(10))
#: From which highest tick on, and by what, ticks are shortened.
_UNITS = tuple((Decimal(10) ** power, unit) for power, unit in ((12, "T"), (9, "bn"), (6, "M"), (3, "k")))


@dataclass(frozen=True, slots=True)
class Scale:
    """From zero to the highest tick; ticks are round and equally far apart."""

    ticks: tuple[Decimal, ...]

    @classmethod
    def over(cls, values: Iterable[Value], *, steps: int = 4, least: Decimal = Decimal(1)) -> Scale:
        """Return the scale of these values in at most so many steps of 1, 2 or 5 times a power of ten, none below ``least``."""
        high = max([Decimal(one) for one in values if one is not None], default=Decimal(0))
        step = _round_step(max(high, least) / steps, least)
        count = max(1, int((high / step).to_integral_value(ROUND_CEILING)))
        return cls(tuple(step * number for number in range(count + 1)))

    @property
    def step(self) -> Decimal:
        """The distance from one tick to the next."""
        return self.ticks[1]

    def share(self, value: Decimal | int) -> float:
        """Return a value as a share of the highest tick."""
        return float(Decimal(value) / self.ticks[-1])


def _round_step(rough: Decimal, least: Decimal) -> Decimal:
    power = Decimal(10) ** rough.adjusted()
    return max(least, next(power * one for one in _STEPS if power * one >= rough))


def short(value: Decimal, scale: Scale) -> str:
    """Write a tick in few letters: 500, 15k, 2.5M. All ticks of a scale have one unit, and the places that its step needs."""
    high = scale.ticks[-1]
    size, unit = next(
        ((size, unit) for size, unit in _UNITS if high >= (size if size > 1_000 else 10 * size)), (Decimal(1), "")
    )
    return f"{value / size:,.{_places(scale.step / size)}f}{unit}" if value else "0"


def short_share(value: Decimal, scale: Scale) -> str:
    """Write a tick of a share in percent: 2.5%."""
    return f"{value * 100:,.{_places(scale.step * 100)}f}%"


def _places(step: Decimal) -> int:
    exponent = step.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


@dataclass(frozen=True, slots=True)
class Slot:
    """A day's place: all of it (``left``, ``width``), its middle, and its column, if its value is known."""

    left: float
    width: float
    middle: float
    column_left: float
    column_width: float
    top: float | None
    height: float | None
    labelled: bool
    last: bool


@dataclass(frozen=True, slots=True)
class Plot:
    """A chart's places: ``lines`` are the ticks with their distance from the top, ``slots`` the days from left to right."""

    height: int
    baseline: int
    lines: tuple[tuple[Decimal, float], ...]
    slots: tuple[Slot, ...]
    scale: Scale

    def y(self, value: Decimal | int) -> float:
        """Return the distance of a value from the top, in pixels."""
        return round(self.baseline - self.scale.share(value) * (self.baseline - HEAD), 2)

    def path(self, values: Sequence[Value]) -> str:
        """Draw a line through the known values, broken where one is not, as SVG path data."""
        steps, pen = [], "M"
        for slot, value in zip(self.slots, values, strict=True):
            if value is not None:
                steps.append(f"{pen}{slot.middle:g} {self.y(value):g}" + ("h0" if pen == "M" else ""))
            pen = "M" if value is None else "L"
        return "".join(steps)


def plot(values: Sequence[Value], scale: Scale, inner: int) -> Plot:
    """Return the places of these values, oldest first; ``inner`` pixels lie between the baseline and the highest tick."""
    bare = Plot(HEAD + inner + FOOT, HEAD + inner, (), (), scale)
    lines = tuple((tick, bare.y(tick)) for tick in scale.ticks)
    slots = tuple(_slot(bare, number, value, len(values)) for number, value in enumerate(values))
    return Plot(bare.height, bare.baseline, lines, slots, scale)


def _slot(bare: Plot, number: int, value: Value, count: int) -> Slot:
    width, back = 100 / count, count - 1 - number
    top = None if value is None else min(bare.y(value), bare.baseline - STUB)
    return Slot(
        left=round(number * width, 3),
        width=round(width, 3),
        middle=round((number + 0.5) * width, 3),
        column_left=round((number + (1 - FILL) / 2) * width, 3),
        column_width=round(FILL * width, 3),
        top=top,
        height=None if top is None else round(bare.baseline - top, 2),
        labelled=back % LABEL_EVERY == 0,
        last=back == 0,
    )
