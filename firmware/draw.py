"""Draws the twin edge and the board for docs/board.md. Needs matplotlib.

    python firmware/draw.py
"""

from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch, PathPatch, Polygon, Rectangle
from matplotlib.path import Path as Curve

from board import Board, read_board

HERE = Path(__file__).parent
IMAGES = HERE.parent / "docs/images"

INK, FREE, CLAMPED, CONTROL, PAPER = "#222222", "#0072b2", "#d55e00", "#7a4a9c", "#f6f6f4"
Point = tuple[float, float]


class Sheet:
    """A page to draw circuits on: x to the right, y up, a unit is a third of an inch."""

    def __init__(self, width: float, height: float) -> None:
        self.figure = Figure(figsize=(width / 3, height / 3))
        self.axes: Axes = self.figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height))
        self.axes.set_axis_off()

    def save(self, path: Path, **metadata: str) -> None:
        """Write it, the same each time."""
        with matplotlib.rc_context({"svg.hashsalt": path.stem}):
            self.figure.savefig(path, metadata={"Date": None, **metadata}, facecolor="white")

    def wire(self, *points: Point, colour: str = INK, width: float = 1.3) -> None:
        """Join points by lines."""
        self.axes.plot(*zip(*points, strict=True), color=colour, lw=width, solid_joinstyle="round", zorder=2)

    def dot(self, x: float, y: float, colour: str = INK) -> None:
        """Mark where wires join."""
        self.axes.add_patch(Circle((x, y), 0.13, color=colour, zorder=4))

    def text(self, x: float, y: float, text: str, at: str = "center", size: float = 10, colour: str = INK) -> None:
        """Write text; `at` is the side of it that stands at the point."""
        self.axes.text(x, y, text, ha=at, va="center", size=size, color=colour, zorder=5, linespacing=1.35)

    def box(self, x: float, y: float, width: float, height: float, colour: str = "white", line: str = "-") -> None:
        """Draw a box from its lower left corner."""
        self.axes.add_patch(Rectangle((x, y), width, height, fc=colour, ec=INK, lw=1.3, ls=line, zorder=1))

    def flag(self, x: float, y: float, text: str, colour: str = CONTROL, to_left: bool = True) -> None:
        """Name a wire that comes from elsewhere; it ends at the point."""
        self.axes.text(
            x, y, text, ha="right" if to_left else "left", va="center", size=9.5, color=colour, zorder=5,
            bbox={"boxstyle": "round,pad=0.25", "fc": "white", "ec": colour, "lw": 1.1},
        )  # fmt: skip

    def resistor(self, x: float, y: float, length: float = 1.8) -> None:
        """Draw a resistor that begins at the point and lies to its right."""
        self.axes.add_patch(Rectangle((x, y - 0.22), length, 0.44, fc="white", ec=INK, lw=1.3, zorder=3))

    def amplifier(self, x: float, y: float, size: float = 1.5) -> None:
        """Draw a triangle whose input side is at x; y is its middle."""
        corners = [(x, y - size), (x, y + size), (x + 1.6 * size, y)]
        self.axes.add_patch(Polygon(corners, fc="white", ec=INK, lw=1.3, zorder=3))

    def comparator(self, x: float, y: float) -> None:
        """Draw a comparator: + at y + 0.75, - at y - 0.75, output at x + 2.4."""
        self.amplifier(x, y)
        self.text(x + 0.4, y + 0.72, "+", size=11)
        self.text(x + 0.4, y - 0.72, "\N{MINUS SIGN}", size=11)

    def xor(self, x: float, y: float) -> None:
        """Draw an XOR gate: inputs at x + 0.3, y + 0.6 and y - 0.6, output at x + 2.8."""
        move, line, curve = Curve.MOVETO, Curve.LINETO, Curve.CURVE3
        body = [
            (move, (0.45, -1.1)), (line, (1.1, -1.1)), (curve, (2.2, -1.0)), (curve, (2.8, 0)), (curve, (2.2, 1.0)),
            (curve, (1.1, 1.1)), (line, (0.45, 1.1)), (curve, (1.05, 0)), (curve, (0.45, -1.1)),
        ]  # fmt: skip
        back = [(move, (0, -1.1)), (curve, (0.6, 0)), (curve, (0, 1.1))]
        for path, fill in ((body, "white"), (back, "none")):
            points = [(x + px, y + py) for _, (px, py) in path]
            self.axes.add_patch(PathPatch(Curve(points, [code for code, _ in path]), fc=fill, ec=INK, lw=1.3, zorder=3))

    def selector(self, x: float, y: float) -> None:
        """Draw a selector: inputs 0 at y + 0.8 and 1 at y - 0.8, output at x + 1.3, select below at y - 1.45."""
        corners = [(x, y - 1.7), (x, y + 1.7), (x + 1.3, y + 1.1), (x + 1.3, y - 1.1)]
        self.axes.add_patch(Polygon(corners, fc="white", ec=INK, lw=1.3, zorder=3))
        self.text(x + 0.35, y + 0.8, "0", size=9)
        self.text(x + 0.35, y - 0.8, "1", size=9)

    def flip_flop(self, x: float, y: float, outputs: dict[float, str]) -> None:
        """Draw a D flip-flop 2.6 wide: D at y + 0.8, clock at y - 0.8, outputs on the right."""
        self.axes.add_patch(Rectangle((x, y - 1.5), 2.6, 3, fc="white", ec=INK, lw=1.3, zorder=3))
        self.text(x + 0.4, y + 0.8, "D", size=9.5)
        self.axes.add_patch(Polygon([(x, y - 1.05), (x + 0.4, y - 0.8), (x, y - 0.55)], fc="none", ec=INK, lw=1.1, zorder=4))
        for offset, name in outputs.items():
            self.text(x + 2.15, y + offset, name, size=9.5)


def twin_edge() -> Sheet:
    """Draw one edge: what decides its direction, what lets it step, and the two potentiometers that do."""
    sheet = Sheet(41, 23.5)
    v = {f"{side}{node}": f"$V_{{{side}{node}}}$" for side in "FC" for node in "ab"}
    sheet.text(0.6, 22.7, "One twin edge between nodes a and b", "left", 13)

    # Two comparators of means of two voltages, and the XOR.
    for y, plus, minus, meaning in (
        (18.5, ("Ca", "Fb"), ("Cb", "Fa"), r"$\Delta V_C > \Delta V_F$"),
        (12.5, ("Ca", "Fa"), ("Cb", "Fb"), r"$\Delta V_C + \Delta V_F > 0$"),
    ):
        sheet.comparator(7.6, y)
        for sign, pair in ((1, plus), (-1, minus)):
            for k, name in enumerate(pair):
                at = y + sign * 1.35 + 0.6 - 1.2 * k
                sheet.flag(2.1, at, v[name], FREE if name[0] == "F" else CLAMPED)
                sheet.wire((2.1, at), (6.0, at), (6.0, y + sign * 1.35))
                sheet.resistor(3.2, at)
            sheet.wire((6.0, y + sign * 1.35), (6.8, y + sign * 1.35), (6.8, y + sign * 0.75), (7.6, y + sign * 0.75))
            sheet.dot(6.0, y + sign * 1.35)
        sheet.text(10.6, y + 1.1, meaning, "left", 11)
    sheet.wire((10.0, 18.5), (12.9, 18.5), (12.9, 16.1), (14.3, 16.1))
    sheet.wire((10.0, 12.5), (12.9, 12.5), (12.9, 14.9), (14.3, 14.9))
    sheet.xor(13.9, 15.5)
    sheet.text(15.5, 17.2, "1: down", size=10)
    return sheet
