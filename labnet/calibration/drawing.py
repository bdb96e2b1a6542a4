"""Pictures of a calibration."""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from labnet.calibration.calibration import Calibration
from labnet.calibration.estimates import Estimate
from labnet.plots import colours

_INTERVAL = 1.96


def figure(calibration: Calibration) -> Figure:
    """Draw what was measured, a panel for each kind of part; bars are 95 % intervals."""
    panels: list[Callable[[Axes, Calibration], None]] = []
    if calibration.gate is not None:
        panels.append(_gate)
    if calibration.converters is not None:
        panels.append(_converters)
    if calibration.pots is not None:
        panels += [_resistances, _mismatch]
    if calibration.comparators is not None:
        panels.append(_comparators)
    if calibration.settling is not None:
        panels.append(_settling)
    columns = min(max(len(panels), 1), 3)
    rows = -(-max(len(panels), 1) // columns)
    drawn = Figure(figsize=(4.4 * columns, 3.4 * rows + 0.4), layout="constrained")
    board = calibration.board
    drawn.suptitle(
        f"{board['model']}, serial {board['serial']}: calibrated {calibration.created:%Y-%m-%d}, good until "
        f"{calibration.expires:%Y-%m-%d}; bars: 95 %",
        fontsize=10,
    )
    for axes, draw in zip(drawn.subplots(rows, columns, squeeze=False).flat, [*panels, *[_nothing] * 3], strict=False):
        axes.grid(alpha=0.25)
        draw(axes, calibration)
    return drawn


def _nothing(axes: Axes, _: Calibration) -> None:
    axes.set_axis_off()


def _bars(axes: Axes, estimate: Estimate, scale: float, colour: str, label: str, shift: float = 0.0) -> None:
    """Draw a bar for each value."""
    x = np.arange(estimate.value.size) + shift
    y, half = scale * estimate.value.ravel(), scale * _INTERVAL * estimate.std.ravel()
    axes.errorbar(x, y, half, fmt="o", ms=3.5, color=colour, capsize=2, lw=1, label=label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _gate(axes: Axes, calibration: Calibration) -> None:
    gate = calibration.gate
    assert gate is not None
    biases = np.linspace(0.0, gate.bias_max_v, 201)
    edges = np.array([gate.probabilities(bias) for bias in biases])
    first, second = colours(2)
    axes.plot(biases, edges, color=first, lw=0.6, alpha=0.5)
    axes.plot([], [], color=first, lw=0.6, label="an edge")
    axes.plot(biases, np.nanmean(edges, axis=1), color=second, lw=2, label="mean of all edges")
    axes.plot([0, gate.bias_max_v], [0, 1], color="#888888", ls=":", lw=1, label="p = bias / highest")
    axes.set_xlabel("bias (V)")
    axes.set_ylabel("update probability p")
    axes.legend(framealpha=0.8, edgecolor="none", fontsize=8)


def _offsets(axes: Axes, estimates: dict[str, Estimate]) -> None:
    """Draw three kinds of offset side by side, and where they would be 0."""
    for k, ((name, estimate), colour) in enumerate(zip(estimates.items(), colours(3), strict=True)):
        _bars(axes, estimate, 1e3, colour, name, 0.2 * (k - 1))
    axes.axhline(0, color="#888888", lw=0.8)
    axes.legend(framealpha=0.8, edgecolor="none", fontsize=8)


def _converters(axes: Axes, calibration: Calibration) -> None:
    found = calibration.converters
    assert found is not None
    free, clamped = found.reading_offset_v[0], found.reading_offset_v[1]
    _offsets(axes, {"source": found.source_offset_v, "free reading": free, "clamped reading": clamped})
    axes.set_xlabel("node")
    axes.set_ylabel("offset (mV)")


def _resistances(axes: Axes, calibration: Calibration) -> None:
    pots = calibration.pots
    assert pots is not None
    axes.plot(pots.positions, pots.ohm.value[:, 0] / 1e3, color=colours(1)[0], lw=0.8, marker=".", ms=3)
    axes.set_xlabel("wiper position")
    axes.set_ylabel("resistance, free side (kΩ)" if pots.absolute else "resistance, to a factor (kΩ)")


def _mismatch(axes: Axes, calibration: Calibration) -> None:
    pots = calibration.pots
    assert pots is not None
    k = pots.midscale
    _bars(axes, pots.mismatch[k], 100.0, colours(1)[0], "")
    axes.axhline(0, color="#888888", lw=0.8)
    axes.set_xlabel("edge")
    axes.set_ylabel(f"clamped over free twin, position {pots.positions[k]} (%)")


def _comparators(axes: Axes, calibration: Calibration) -> None:
    found = calibration.comparators
    assert found is not None
    _offsets(axes, {"difference": found.difference_v, "sum": found.sum_v, "sigma": found.sigma_v})
    axes.set_xlabel("edge")
    axes.set_ylabel("offset of the comparators (mV)")


def _settling(axes: Axes, calibration: Calibration) -> None:
    found = calibration.settling
    assert found is not None
    if np.isfinite(found.tau_s.value).any():
        _bars(axes, found.tau_s, 1e6, colours(1)[0], "")
        axes.set_ylim(0, 1.2e6 * float(np.nanmax(found.tau_s.value)))
    else:
        axes.text(0.5, 0.5, f"faster than {found.at_most_s:.2g} s", ha="center", transform=axes.transAxes)
    axes.set_xlabel("node")
    axes.set_ylabel("time constant (µs)")
