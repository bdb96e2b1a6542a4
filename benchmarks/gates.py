"""What oscillator gates add to the engine's step, against gates that are drawn, in the same run.

Both train the same plans on the same board, one after the other, several times; the ratio is that of each pair.
Wanted: a step that takes at most 30 % longer.
"""

import os
import statistics
from pathlib import Path

from ensembles import training_s

import labnet

GRAPH = Path(__file__).parent / "graphs" / "twin16.txt"
REPEATS = 7
WANTED = 1.3


def seconds(preset: str, gate: str, networks: int, steps: int) -> float:
    """Train so many networks with the same terminals at once; gives how long it takes."""
    with labnet.open_board(f"sim://{GRAPH}?preset={preset}&{gate}") as board:
        return training_s(board, networks, steps)


def main() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    for networks, steps in ((32, 200_000), (1, 1_000_000)):
        for preset in ("ideal", "lab"):
            pairs = []
            for _ in range(REPEATS + 1):  # the first compiles, or reads what was compiled
                pairs.append(
                    [
                        seconds(preset, gate, networks, steps)
                        for gate in ("gate=bernoulli", "gate=oscillator&calibrated=true")
                    ]
                )
            ratios = [oscillator / drawn for drawn, oscillator in pairs[1:]]
            ratio = statistics.median(ratios)
            speed = networks * steps / statistics.median(oscillator for _, oscillator in pairs[1:])
            what = f"16 edges, {networks} network{'s' if networks > 1 else ''}, {preset}, oscillators"
            print(
                f"{what:44}{speed:14,.0f} steps/s   {100 * (ratio - 1):+.0f} % ({100 * (min(ratios) - 1):+.0f} to "
                f"{100 * (max(ratios) - 1):+.0f}; wanted at most +{100 * (WANTED - 1):.0f}: "
                f"{'holds' if ratio <= WANTED else 'above'})"
            )


if __name__ == "__main__":
    main()
