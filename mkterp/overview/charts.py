"""Small charts as SVG from the server: one question each, with the same figures as a table beside.

Plain arithmetic on whole pixels; colours are classes of the stylesheet.
"""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, FOOT = 560, 132, 18


@dataclass(frozen=True)
class Bar:
    x: int
    y: int
    width: int
    height: int
    css: str


@dataclass(frozen=True)
class Mark:
    x: int
    text: str


@dataclass(frozen=True)
class Chart:
    """`series` names each column of `rows` behind its label; `css` colours them in that order."""

    question: str
    series: tuple[str, ...]
    css: tuple[str, ...]
    rows: list[tuple[str, tuple[int, ...]]]

    width, height, floor = WIDTH, HEIGHT, HEIGHT - FOOT

    @property
    def top(self) -> int:
        """The largest figure."""
        return max((value for _, values in self.rows for value in values), default=0)

    @property
    def bars(self) -> list[Bar]:
        """A group of bars for each row, as high as the largest figure allows."""
        if not self.rows:
            return []
        slot = WIDTH / len(self.rows)
        wide = max(1, int((slot - 2) / len(self.series)))
        drawn = []
        for place, (_, values) in enumerate(self.rows):
            for number, value in enumerate(values):
                tall = round(value * (self.floor - 8) / self.top) if self.top else 0
                left = int(place * slot + 1 + number * wide)
                drawn.append(Bar(left, self.floor - tall, wide, tall, self.css[number]))
        return drawn

    @property
    def marks(self) -> list[Mark]:
        """The labels below, so many as have room."""
        every = max(1, len(self.rows) // 7)
        slot = WIDTH / max(1, len(self.rows))
        return [
            Mark(int(place * slot + 2), label)
            for place, (label, _) in enumerate(self.rows)
            if place % every == 0
        ]

    @property
    def legend(self) -> list[tuple[str, str]]:
        return list(zip(self.series, self.css, strict=True))


def chart(
    question: str,
    series: Sequence[tuple[str, str]],
    rows: Sequence[tuple[str, tuple[int, ...]]],
) -> Chart:
    """`series` are (name, css class); a row is its label and a figure for each of them."""
    names = tuple(name for name, _ in series)
    return Chart(question, names, tuple(css for _, css in series), list(rows))
