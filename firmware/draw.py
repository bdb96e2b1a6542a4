"""Draws the twin edge and the board for docs/board.md. Needs matplotlib.

python firmware/draw.py
"""

from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import matplotlib
from board import Board, read_board
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, PathPatch, Polygon, Rectangle
from matplotlib.path import Path as Curve
from pages import place
from tables import MICRO

HERE = Path(__file__).parent
IMAGES = HERE.parent / "docs/images"

INK, PALE, FREE, CLAMPED, CONTROL, PAPER = "#222222", "#777777", "#0072b2", "#d55e00", "#7a4a9c", "#f6f6f4"
Point = tuple[float, float]


class Sheet:
    """A page to draw circuits on: x to the right, y up, a unit is a third of an inch."""

    def __init__(self, width: float, height: float) -> None:
        self.figure = Figure(figsize=(width / 3, height / 3))
        self.axes: Axes = self.figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height))
        self.axes.set_axis_off()

    def save(self, path: Path, of: Path) -> None:
        """Write it, the same each time, with a CRC of what it was drawn from."""
        source = f"{of.name}, CRC-32 {crc32(of.read_bytes()):08X}"
        with matplotlib.rc_context({"svg.hashsalt": path.stem}):
            self.figure.savefig(path, metadata={"Date": None, "Source": source}, facecolor="white")

    def wire(self, *points: Point, colour: str = INK, width: float = 1.3) -> None:
        """Join points by lines."""
        self.axes.plot(*zip(*points, strict=True), color=colour, lw=width, solid_joinstyle="round", zorder=2)

    def dot(self, x: float, y: float, colour: str = INK) -> None:
        """Mark where wires join."""
        self.axes.add_patch(Circle((x, y), 0.13, color=colour, zorder=4))

    def text(self, x: float, y: float, text: str, at: str = "center", size: float = 11, colour: str = INK) -> None:
        """Write text; `at` is the side of it that stands at the point."""
        self.axes.text(x, y, text, ha=at, va="center", size=size, color=colour, zorder=5, linespacing=1.35)

    def box(self, x: float, y: float, width: float, height: float, line: str = "-", over: int = 3) -> None:
        """Draw a box from its lower left corner, over the wires or not."""
        self.axes.add_patch(Rectangle((x, y), width, height, fc=PAPER, ec=INK, lw=1.3, ls=line, zorder=over))

    def flag(self, x: float, y: float, text: str, colour: str = CONTROL, to_left: bool = True) -> None:
        """Name a wire that comes from elsewhere; it ends at the point."""
        self.axes.text(
            x, y, text, ha="right" if to_left else "left", va="center", size=10.5, color=colour, zorder=5,
            bbox={"boxstyle": "round,pad=0.25", "fc": "white", "ec": colour, "lw": 1.1},
        )  # fmt: skip

    def label(self, x: float, y: float, text: str) -> None:
        """Write a number on a line."""
        self.axes.text(
            x, y, text, ha="center", va="center", size=10, color=INK, zorder=3,
            bbox={"boxstyle": "circle,pad=0.2", "fc": "white", "ec": INK, "lw": 1.1},
        )  # fmt: skip

    def arrow(self, start: Point, end: Point) -> None:
        """Draw an arrow."""
        style = {"arrowstyle": "-|>", "color": INK, "lw": 1.3, "shrinkA": 0, "shrinkB": 0}
        self.axes.annotate("", end, start, arrowprops=style, zorder=2)

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
        self.axes.add_patch(
            Polygon([(x, y - 1.05), (x + 0.4, y - 0.8), (x, y - 0.55)], fc="none", ec=INK, lw=1.1, zorder=4)
        )
        for offset, name in outputs.items():
            self.text(x + 2.15, y + offset, name, size=9.5)


def twin_edge(board: Board) -> Sheet:
    """Draw one edge: what decides its direction, what lets it step, and the two potentiometers that do."""
    sheet = Sheet(46.2, 21.8)
    _direction(sheet)
    _gate(sheet, board)
    _by_itself(sheet)
    sheet.wire((15.6, 14.65), (15.6, 4.9), colour=CONTROL)  # the latch clocks both flip-flops
    for y in (14.65, 4.9):
        sheet.wire((15.6, y), (16.5, y), colour=CONTROL)
    sheet.wire((14.6, 9.9), (15.6, 9.9), colour=CONTROL)
    sheet.dot(15.6, 9.9, CONTROL)
    sheet.flag(14.6, 9.9, "EDGE_LATCH")
    _pots(sheet)
    for x, y, key in (
        (8.2, 16.4, "comparators"),
        (8.2, 10.4, "comparators"),
        (8.2, 4.4, "oscillator"),
        (13.3, 14.6, "xor"),
        (17.8, 13.4, "latch"),
        (17.8, 3.65, "latch"),
        (27.5, 16.9, "selector"),
        (27.5, 5.55, "selector"),
        (26.2, 12.6, "clock"),
        (26.2, 10.3, "clock"),
        (35.3, 19.0, "pot"),
    ):
        sheet.text(x, y, board.parts[key].number, size=10, colour=PALE)
    return sheet


def _direction(sheet: Sheet) -> None:
    """Draw two comparators of means of two voltages, the XOR, and what it becomes."""
    for y, plus, minus, meaning in (
        (18.5, ("Cb", "Fa"), ("Ca", "Fb"), r"$\Delta V_F > \Delta V_C$"),
        (12.5, ("Ca", "Fa"), ("Cb", "Fb"), r"$\Delta V_C + \Delta V_F > 0$"),
    ):
        sheet.comparator(7.0, y)
        for sign, pair in ((1, plus), (-1, minus)):
            for at, name in zip((y + sign * 1.4 + 0.62, y + sign * 1.4 - 0.62), pair, strict=True):
                sheet.wire((2.0, at), (5.6, at), (5.6, y + sign * 1.4))
                sheet.resistor(2.9, at)
                sheet.flag(2.0, at, f"$V_{{{name}}}$", FREE if name[0] == "F" else CLAMPED)
            sheet.wire((5.6, y + sign * 1.4), (6.3, y + sign * 1.4), (6.3, y + sign * 0.75), (7.0, y + sign * 0.75))
            sheet.dot(5.6, y + sign * 1.4)
        toward = 1 if y > 16.25 else -1
        sheet.text(9.0, y + 1.5 * toward, meaning, "left", 13)
        sheet.wire((9.4, y), (11.2, y), (11.2, 16.25 + 0.6 * toward), (12.0, 16.25 + 0.6 * toward))
    sheet.text(3.8, 21.2, "10 kΩ each", size=10, colour=PALE)
    sheet.xor(11.6, 16.25)
    sheet.wire((14.4, 16.25), (16.5, 16.25))
    sheet.text(15.3, 16.85, "1: up")
    sheet.flip_flop(16.5, 15.45, {0.8: "Q"})
    sheet.wire((19.1, 16.25), (25.5, 16.25))
    sheet.dot(20.2, 16.25)
    sheet.wire((20.2, 16.25), (20.2, 18.6), (20.7, 18.6))
    sheet.flag(20.7, 18.6, "direction bit", to_left=False)
    _select(sheet, 25.5, 15.45, "EDGE_FORCE")
    sheet.wire((26.8, 15.45), (31.0, 15.45))


def _gate(sheet: Sheet, board: Board) -> None:
    """Draw the edge's own oscillator against the bias, and what it becomes."""
    sheet.comparator(7.0, 6.5)
    sheet.axes.add_patch(Circle((3.6, 7.9), 1.0, fc="white", ec=INK, lw=1.3, zorder=3))
    sheet.axes.plot([2.9, 3.25, 3.95, 4.3], [7.9, 8.3, 7.5, 7.9], color=INK, lw=1.3, zorder=4)
    sheet.wire((4.6, 7.9), (6.0, 7.9), (6.0, 7.25), (7.0, 7.25))
    sheet.wire((4.9, 5.75), (7.0, 5.75))
    sheet.flag(4.9, 5.75, "bias + 2 V")
    low, high = board.oscillator.low_uv / MICRO, board.oscillator.high_uv / MICRO
    sheet.text(3.6, 4.2, f"its own oscillator,\n{low:g} V to {high:g} V")
    sheet.wire((9.4, 6.5), (16.5, 6.5))
    sheet.text(11.3, 7.1, "0: open")
    sheet.flip_flop(16.5, 5.7, {0.8: "Q", -0.8: r"$\overline{\mathrm{Q}}$"})
    sheet.wire((19.1, 4.9), (20.7, 4.9))
    sheet.flag(20.7, 4.9, "gate bit", to_left=False)
    sheet.wire((19.1, 6.5), (24.6, 6.5), (24.6, 4.9), (25.5, 4.9))
    sheet.text(21.4, 7.05, "0: step")
    _select(sheet, 25.5, 4.1, "EDGE_FORCE")
    sheet.wire((24.7, 3.3), (25.5, 3.3), colour=CONTROL)
    sheet.flag(24.7, 3.3, "select bit")
    sheet.wire((26.8, 4.1), (31.0, 4.1))


def _by_itself(sheet: Sheet) -> None:
    """Draw what lets the edge step by itself: direction and gate as they are now, instead of the controller's."""
    for tap, high, y, given in ((14.95, 16.25, 13.4, "EDGE_UP"), (13.3, 6.5, 9.8, "EDGE_CLOCK")):
        sheet.dot(tap, high)
        sheet.wire((tap, high), (tap, y - 0.8), (22.6, y - 0.8))
        sheet.wire((21.8, y + 0.8), (22.6, y + 0.8), colour=CONTROL)
        sheet.flag(21.8, y + 0.8, given)
        _select(sheet, 22.6, y, "EDGE_SELF")
    sheet.wire((23.9, 13.4), (24.8, 13.4), (24.8, 14.65), (25.5, 14.65))
    sheet.wire((23.9, 9.8), (31.0, 9.8))


def _select(sheet: Sheet, x: float, y: float, by: str) -> None:
    """Draw a choice, and what chooses."""
    sheet.selector(x, y)
    sheet.wire((x + 0.65, y - 1.4), (x + 0.65, y - 1.9), (x + 1.3, y - 1.9), colour=CONTROL)
    sheet.flag(x + 1.3, y - 1.9, by, to_left=False)


def _pots(sheet: Sheet) -> None:
    """Draw the dual potentiometer, and the nodes it joins in both networks."""
    sheet.box(31.0, 1.2, 8.6, 19.4, "--", over=0)
    sheet.text(35.3, 19.8, "twin pots, one chip")
    sheet.box(32.9, 3.0, 2.5, 13.6)
    sheet.text(34.15, 9.8, "up/down\ncounter\n\n$k$ = 0\nto 127")
    sheet.text(37.5, 9.6, "$R_W + k$ $R_{AB}$ / 128", size=10)
    for y, name in ((15.45, r"U/$\overline{\mathrm{D}}$"), (9.8, "CLK"), (4.1, r"$\overline{\mathrm{CS}}$")):
        sheet.wire((31.0, y), (32.9, y))
        sheet.text(31.9, y + 0.5, name, size=10)
    for y, side, colour, network in ((15.0, "F", FREE, "free"), (5.2, "C", CLAMPED, "clamped")):
        sheet.axes.plot([35.4, 37.0], [y, y], color=PALE, lw=1.3, ls=(0, (3, 2)))
        sheet.axes.add_patch(Rectangle((37.0, y - 1.6), 0.6, 3.2, fc="white", ec=INK, lw=1.3, zorder=3))
        sheet.text(37.3, y + 2.1, "A", size=10)
        sheet.arrow((41.2, y), (37.6, y))
        sheet.text(38.9, y + 0.5, "W", size=10)
        sheet.wire((37.3, y - 1.6), (37.3, y - 3.0), (41.2, y - 3.0))
        sheet.text(38.9, y - 2.5, "B", size=10)
        for node, at in (("a", y), ("b", y - 3.0)):
            sheet.wire((41.2, at), (42.3, at))
            sheet.dot(41.2, at, colour)
            sheet.wire((40.8, at + 0.9), (41.2, at), (41.6, at + 0.9), colour=colour)  # to the node's other edges
            sheet.text(41.2, at - 0.6, node, colour=colour)
            sheet.amplifier(42.3, at, 0.55)
            sheet.wire((43.18, at), (43.7, at))
            sheet.flag(43.7, at, f"$V_{{{side}{node}}}$", colour, to_left=False)
        sheet.text(42.8, y + 1.9, f"{network} network", colour=colour)


def board_map(board: Board) -> Sheet:
    """Draw a board: its network with the channels of every node, and how its parts work together."""
    sheet = Sheet(29, 44.6)
    _network(sheet, board)
    _chain(sheet, board)
    return sheet


def _network(sheet: Sheet, board: Board) -> None:
    """Draw nodes and edges as they are placed, a node's channels inside it."""
    at = [(x / MICRO, y / MICRO) for x, y in (node.at_micro for node in board.nodes)]
    left, right, low, high = min(x for x, _ in at), max(x for x, _ in at), min(y for _, y in at), max(y for _, y in at)
    places = [(3.6 + 21.8 * (x - left) / (right - left), 25.8 + 16.6 * (y - low) / (high - low)) for x, y in at]
    for e, edge in enumerate(board.edges):
        (x0, y0), (x1, y1) = (places[node] for node in edge.nodes)
        sheet.wire((x0, y0), (x1, y1), colour=INK, width=2)
        sheet.label((x0 + x1) / 2, (y0 + y1) / 2, f"{e}")
    sheet.text(14.45, 22.6, "Channels are chip.channel;", "right", 10)
    sheet.text(14.75, 22.6, "free side", "left", 10, FREE)
    sheet.text(17.4, 22.6, "clamped side", "left", 10, CLAMPED)
    for n, (node, (x, y)) in enumerate(zip(board.nodes, places, strict=True)):
        sheet.box(x - 3.1, y - 1.9, 6.2, 3.8)
        sheet.text(x, y + 1.25, f"node {n}")
        sheet.text(x, y + 0.35, f"DAC {place(node.dac)}", size=10)
        switch, adc = (node.free_switch, node.clamped_switch), (node.free_adc, node.clamped_adc)
        for what, (free, clamped), at_y in (("switch", switch, y - 0.5), ("ADC", adc, y - 1.35)):
            sheet.text(x - 2.8, at_y, what, "left", 10)
            sheet.text(x + 0.9, at_y, place(free), size=10, colour=FREE)
            sheet.text(x + 2.3, at_y, place(clamped), size=10, colour=CLAMPED)


def _chain(sheet: Sheet, board: Board) -> None:
    """Draw the kinds of parts, their pins at the controller, and what goes from one to the other."""
    columns, rows = (3.8, 10.9, 18.0, 25.1), (15.0, 10.3, 5.6)  # middles

    def part(key: str) -> str:
        return f"{board.parts[key].count} x {board.parts[key].number}"

    def pins(*names: str) -> list[str]:
        return [f"{name} {', '.join(str(pin) for pin in board.pins[name])}" for name in names]

    def block(column: int, row: int, title: str, parts: list[str], names: Sequence[str] = ()) -> None:
        sheet.box(columns[column] - 3.2, rows[row] - 1.6, 6.4, 3.2)
        _lines(sheet, columns[column], rows[row], title, parts, names)

    spi, serial = (pins(*(name for name in board.pins if name.startswith(start))) for start in ("SPI", "SERIAL"))
    sheet.box(0.6, 18.6, 27.7, 2.9)
    about = f"USB-serial, {board.line_rate} bit/s"
    _lines(sheet, 14.45, 20.05, board.parts["controller"].number, [about], [",  ".join(spi + serial)])
    block(0, 0, "sources", [part("dac")], pins("DAC_SELECT", "DAC_LOAD"))
    block(0, 1, "drivers", [part("driver")])
    block(0, 2, "holding", [part("switch")], pins("SWITCH_SELECT", "SWITCH_RESET"))
    block(1, 0, "readings", [part("adc")], pins("ADC_SELECT"))
    block(1, 2, "buffers", [part("buffer")])
    block(2, 0, "direction and gate bits", [part("bits")], pins("BITS_LOAD", "BITS_ENABLE"))
    block(2, 1, "latches", [part("latch")], pins("EDGE_LATCH"))
    deciding = [f"{part('comparators')}, {part('xor')}", part("oscillator"), f"bias DAC {place(board.bias.dac)}"]
    block(2, 2, "directions and gates", deciding)
    block(3, 0, "select register", [part("select")], pins("SELECT_STORE"))
    block(3, 1, "selectors", [part("selector")], pins("EDGE_FORCE", "EDGE_UP"))
    block(3, 2, "clocks, twin pots", [f"{part('clock')}, {part('pot')}"], pins("EDGE_CLOCK", "EDGE_SELF"))
    sheet.box(0.6, 0.6, 27.7, 2.0)
    sheet.text(7.5, 1.6, "free network", colour=FREE)
    sheet.text(21.4, 1.6, "clamped network", colour=CLAMPED)
    gaps = [(18.6, 16.6), (13.4, 11.9), (8.7, 7.2), (4.0, 2.6)]
    for high, low in gaps:
        sheet.arrow((columns[0], high), (columns[0], low))
        sheet.arrow((columns[3], high), (columns[3], low))
    for high, low in (gaps[0], (13.4, 7.2), gaps[3]):
        sheet.arrow((columns[1], low), (columns[1], high))
    for high, low in gaps[:3]:
        sheet.arrow((columns[2], low), (columns[2], high))
    sheet.arrow((14.1, 5.6), (14.8, 5.6))
    sheet.arrow((21.2, 10.3), (21.9, 10.3))
    sheet.arrow((21.2, 5.6), (21.9, 5.6))


def _lines(sheet: Sheet, x: float, y: float, title: str, parts: list[str], pins: Sequence[str]) -> None:
    """Write lines one under the other, their middle at the point."""
    lines = [(title, 11.0, INK), *((text, 10.0, INK) for text in parts), *((text, 9.5, CONTROL) for text in pins)]
    for k, (text, size, colour) in enumerate(lines):
        sheet.text(x, y + 0.72 * ((len(lines) - 1) / 2 - k), text, size=size, colour=colour)


def main() -> None:
    """Draw both, and note which description they are of."""
    path = HERE / "boards/twin16.toml"
    board = read_board(path)
    IMAGES.mkdir(exist_ok=True)
    twin_edge(board).save(IMAGES / "twin-edge.svg", path)
    board_map(board).save(IMAGES / f"{board.name}-board.svg", path)


if __name__ == "__main__":
    main()
