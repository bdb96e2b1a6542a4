"""Does a run that uses a calibration learn better? Pairs of runs on the same board and task, with and without.

Boards are the preset lab with pairs of comparators, their converters as they are, and with 3 and 10 times their offsets
and gain errors. What counts is what a network then truly does: its free outputs for true inputs against the targets, by
Kirchhoff's laws from its true resistances. Two states of each run are looked at: a typical late one (median over the
second half), and the one that a user would keep, with the lowest error as read.

    python benchmarks/calibrated.py [PAIRS] [--draw]     # ten minutes for 40

--draw makes docs/images/calibration-gain.png.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import labnet
from labnet import circuit
from labnet.calibration import CalibratedBoard, calibrate
from labnet_simulators.board import SimulatedBoard
from labnet_simulators.components import PRESETS, ComparatorPair, Parts
from labnet_simulators.meters import SimulatedMeter

FloatArray = NDArray[np.float64]

SCALES = (1, 3, 10)  # of the converters' offsets and gain errors; times 1.5 mV (DAC), 1 mV (ADC) and 5e-4
STEPS, EVERY, P = 3000, 4, 0.1
STATES = ("a typical late state", "the state of the lowest error as read")


def parts(scale: float) -> Parts:
    """Give the parts of a lab board whose converters are off by so many times what they are."""
    lab = PRESETS["lab"]
    dac, adc = (
        replace(each, offset_v=each.offset_v * scale, gain_error=each.gain_error * scale) for each in (lab.dac, lab.adc)
    )
    return replace(lab, dac=dac, adc=adc, comparator=ComparatorPair())


def errors_v(board: SimulatedBoard, run: labnet.Run) -> FloatArray:
    """Give the root mean square of what the free outputs are truly off by, in both states."""
    task = run.task
    late = run.array("wipers", run.steps()[len(run.steps()) // 2 :: 5])
    read = run.frame("error").query("set == 'train'").set_index("step")["cost_v2"]
    costs = []
    for wipers in [*late, run.array("wipers", [int(read.idxmin())])[0]]:
        board.set_wipers(wipers)
        ohm = board.resistances("free")
        volts = [circuit.node_voltages(board.network, ohm, task.held(row)) for row in task.train.inputs]
        costs.append(task.cost(np.array(volts)[:, list(task.outputs)], task.train))
    return np.sqrt([np.median(costs[:-1]), costs[-1]])


def pair(scale: float, seed: int) -> FloatArray:
    """Train the same task on the same board without and with its calibration; gives the errors in V, (2, states)."""
    found = []
    for calibrated in (False, True):
        with SimulatedBoard(labnet.networks.twin16(), parts(scale), seed) as board:
            used: labnet.Board = board
            if calibrated:
                used = CalibratedBoard(board, calibrate(board, SimulatedMeter(board, seed), only=("converters",)))
            task = labnet.tasks.Allostery.sample(board.network, inputs=2, outputs=2, seed=seed)
            run = labnet.train(
                used,
                task,
                clock=labnet.GlobalClock(p=P),
                eta=1.0,
                steps=STEPS,
                settle_s=1e-4,
                log=EVERY,
                measure=EVERY,
                progress=False,
            )
            with run:
                found.append(errors_v(board, run))
    return np.array(found)


def main() -> None:
    """Print medians and paired ratios, and draw them."""
    numbers = [word for word in sys.argv[1:] if word.isdigit()]
    pairs = int(numbers[0]) if numbers else 40
    all_v = np.array([[pair(scale, seed) for seed in range(pairs)] for scale in SCALES])  # (scales, pairs, 2, states)
    for scale, found in zip(SCALES, all_v, strict=True):
        for k, state in enumerate(STATES):
            without, with_it = found[:, 0, k], found[:, 1, k]
            logs = np.log(with_it / without)
            ratio, off = np.exp(logs.mean()), 1.96 * logs.std(ddof=1) / np.sqrt(pairs)
            print(
                f"converters x {scale:2d}, {state}: median error {1e3 * np.median(without):.2f} mV without, "
                f"{1e3 * np.median(with_it):.2f} mV with; ratio {ratio:.2f} ({ratio * np.exp(-off):.2f} to "
                f"{ratio * np.exp(off):.2f}), better in {int((logs < 0).sum())} of {pairs}"
            )
    if "--draw" in sys.argv:
        draw(all_v)


def draw(all_v: FloatArray) -> None:
    """Draw medians and quartiles against the scale of the converters' errors."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullLocator

    from labnet.plots import colours

    figure = Figure(figsize=(9, 3.8), layout="constrained")
    for k, axes in enumerate(figure.subplots(1, 2, sharey=True)):
        for which, (name, colour) in enumerate(zip(("without", "with calibration"), colours(2), strict=True)):
            low, middle, high = 1e3 * np.quantile(all_v[:, :, which, k], [0.25, 0.5, 0.75], axis=1)
            x = np.array(SCALES) * (0.96 if which == 0 else 1.04)
            axes.errorbar(x, middle, [middle - low, high - middle], fmt="o-", color=colour, capsize=3, label=name)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xticks(SCALES, [f"{scale}" for scale in SCALES])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter("{x:g}")
        axes.set_title(STATES[k], fontsize=10)
        axes.grid(alpha=0.25, which="both")
    figure.axes[0].set_ylabel("true error of the free outputs (mV, rms)")
    figure.axes[0].legend(frameon=False)
    figure.supxlabel("offsets and gain errors of the converters, times those of the preset lab", fontsize=10)
    figure.suptitle(f"{all_v.shape[1]} boards, a task each: medians and quartiles", fontsize=10)
    path = Path(__file__).parent.parent / "docs/images/calibration-gain.png"
    figure.savefig(path, dpi=150)
    print(f"wrote {path.name}")


if __name__ == "__main__":
    main()
