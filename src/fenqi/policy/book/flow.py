"""Draws the way to a decision as an SVG that needs nothing from outside."""

from __future__ import annotations

import html
import textwrap
from dataclasses import dataclass, field

from fenqi.policy.book.blocks import Flow, Station

_COLUMN, _GAP, _LINE, _PAD = 220, 24, 17, 12
# Characters of the drawing's font that fit into a column.
_CHARACTERS = 30
_DECISIONS = (
    ("approve", "approve"),
    ("counter-offer", "counter"),
    ("refer", "refer"),
    ("decline", "decline"),
)


def flow_svg(flow: Flow) -> str:
    """The drawing, about 220 points for each segment wide, at least four columns."""
    columns = max(4, len(flow.stations))
    drawing = _Drawing(columns * (_COLUMN + _GAP) + _GAP)
    drawing.box(["Application", flow.data])
    drawing.arrow()
    drawing.box(["Features", flow.work])
    if flow.hard:
        drawing.arrow()
        names = ", ".join(flow.hard)
        drawing.hard(["Hard rules", names, "one fires: declined, nobody is scored"])
    if flow.stations:
        drawing.columns(flow.stations)
    else:
        drawing.arrow()
    counts = ", ".join(f"{count} {then}" for then, count in flow.rules.items())
    explores = ["a few below the cut-off are approved at random, to learn"] if flow.explores else []
    drawing.box(["All rules and the cut-offs", counts, *explores, "the gravest counts"])
    drawing.decisions()
    return drawing.svg()


@dataclass
class _Drawing:
    width: int
    y: int = _PAD
    parts: list[str] = field(default_factory=list)
    # Where the way straight to the decline begins, if there is one.
    way_out: tuple[int, int] | None = None

    def box(self, lines: list[str], kind: str = "") -> None:
        """A box in the middle; the first line is its name."""
        width = min(self.width - 2 * _GAP, 2 * _COLUMN + _GAP)
        self._box((self.width - width) // 2, self.y, width, lines, kind, 62)
        self.y += self._height(lines, 62)

    def hard(self, lines: list[str]) -> None:
        """A box whose way out leads straight to the decline at the end."""
        top = self.y
        self.box(lines, "decline")
        right = (self.width + min(self.width - 2 * _GAP, 2 * _COLUMN + _GAP)) // 2
        self.way_out = (right, (top + self.y) // 2)

    def arrow(self) -> None:
        """From the last box down to the next."""
        middle = self.width // 2
        self._line(middle, self.y, middle, self.y + _GAP)
        self.y += _GAP

    def columns(self, stations: list[Station]) -> None:
        """A column for each segment, from the box above to the one below."""
        total = len(stations) * (_COLUMN + _GAP) - _GAP
        left = (self.width - total) // 2
        texts = [
            [
                station.name,
                station.meaning,
                f"by {station.decided_by}",
                *([station.cutoffs] if station.cutoffs else []),
            ]
            for station in stations
        ]
        height = max(self._height(lines, _CHARACTERS) for lines in texts)
        top, middle = self.y + 2 * _GAP, self.width // 2
        for number, lines in enumerate(texts):
            x = left + number * (_COLUMN + _GAP)
            center = x + _COLUMN // 2
            self._elbow(middle, self.y, center, top)
            self._box(x, top, _COLUMN, lines, "station", _CHARACTERS, height)
            self._elbow(center, top + height, middle, top + height + 2 * _GAP)
        self.y = top + height + 2 * _GAP

    def decisions(self) -> None:
        """The four decisions at the end."""
        total = 4 * (_COLUMN + _GAP) - _GAP
        left, middle, top = (self.width - total) // 2, self.width // 2, self.y + 2 * _GAP
        for number, (name, kind) in enumerate(_DECISIONS):
            x = left + number * (_COLUMN + _GAP)
            self._elbow(middle, self.y, x + _COLUMN // 2, top)
            self._box(x, top, _COLUMN, [name], kind, _CHARACTERS)
        height = self._height(["decline"], _CHARACTERS)
        if self.way_out is not None:
            (x, y), right = self.way_out, left + total
            beside, end = self.width - _GAP // 2, top + height // 2
            self.parts.append(f'<path class="way" d="M{x} {y}H{beside}V{end}H{right}"/>')
        self.y = top + height

    def svg(self) -> str:
        """The whole drawing."""
        height = self.y + _PAD
        arrow = (
            '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
            'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" class="tip"/></marker></defs>'
        )
        return (
            f'<svg class="flow" viewBox="0 0 {self.width} {height}" width="{self.width}" '
            f'role="img" aria-label="The way to a decision">{arrow}{"".join(self.parts)}</svg>'
        )

    def _box(
        self,
        x: int,
        y: int,
        width: int,
        lines: list[str],
        kind: str,
        characters: int,
        height: int = 0,
    ) -> None:
        height = height or self._height(lines, characters)
        self.parts.append(
            f'<rect class="box {kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="8"/>'
        )
        line_y = y + _PAD + 11
        for number, text in enumerate(lines):
            for line in _wrapped(text, characters):
                style = "name" if number == 0 else "note"
                self.parts.append(
                    f'<text class="{style}" x="{x + width // 2}" y="{line_y}">'
                    f"{html.escape(line)}</text>"
                )
                line_y += _LINE

    @staticmethod
    def _height(lines: list[str], characters: int) -> int:
        return 2 * _PAD + _LINE * sum(len(_wrapped(line, characters)) for line in lines) - 4

    def _line(self, x: int, y: int, to_x: int, to_y: int) -> None:
        self.parts.append(f'<path class="way" d="M{x} {y}L{to_x} {to_y}"/>')

    def _elbow(self, x: int, y: int, to_x: int, to_y: int) -> None:
        half = (y + to_y) // 2
        self.parts.append(f'<path class="way" d="M{x} {y}V{half}H{to_x}V{to_y}"/>')


def _wrapped(text: str, characters: int) -> list[str]:
    lines = textwrap.wrap(text, characters) if text else []
    return lines if len(lines) <= 6 else [*lines[:5], "..."]
