"""What `labnet.desynchrony` predicts of every training of a sweep of the discrete rule, beside its final error."""

from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from itertools import chain
from multiprocessing import get_context
from typing import Any

import numpy as np
import pandas as pd

from labnet.addresses import open_board
from labnet.advice import Bench
from labnet.cores import core_count
from labnet.desynchrony import Bias, Prediction, Rest, drift, predict
from labnet.experiment import Experiment, TaskSettings
from labnet.figures.figure import late_error
from labnet.sweeps import Sweep
from labnet.tasks import Task

_FEW = 200  # drifts of 0.1 s, for which starting processes takes longer

Trained = list[tuple[int, Experiment]]
Row = dict[str, Any]


def compared(sweep: Sweep) -> pd.DataFrame:
    """Give final errors beside what is predicted.

    Tasks, their boards and trainings have the same seeds there, and starts are one number.

    Returns
    -------
    pandas.DataFrame
        What `labnet.figures.figure.late_error` gives of the training set, and "s": sigma_max / (eta V); "predicted",
        the scaled error; "lock", which is Lambda; "reached": whether p = 1 is locked, or the training as long as the
        way to the top takes.
    """
    by_task: defaultdict[int, Trained] = defaultdict(list)
    for point in range(len(sweep.over.values)):
        experiment = sweep.experiment.changed(sweep.over.changes(point))
        by_task[experiment.task.seed].append((point, experiment))
    trained = list(by_task.values())
    drifts = sum(len({(each.board, each.task, each.eta) for _, each in one}) for one in trained)
    if drifts < _FEW:
        rows = [_of_task(each) for each in trained]
    else:
        with ProcessPoolExecutor(core_count(), get_context("spawn")) as pool:
            rows = list(pool.map(_of_task, trained))
    frame = late_error(sweep, "train")
    frame["start"] = frame["start"].astype(float)
    return frame.merge(pd.DataFrame(chain.from_iterable(rows)), on="point")


def _of_task(trained: Trained) -> list[Row]:
    return list(_rows(trained))


def _rows(trained: Trained) -> Iterator[Row]:
    """Predict the trainings of one task; where its wipers come to rest is worked out once for all starts and p."""

    @cache
    def known(address: str, settings: TaskSettings, seed: int) -> tuple[Bench, Task, Bias]:
        with open_board(address) as board:
            bench = Bench.of(board)
            task = Experiment(board=address, task=settings, steps=1).plan(board.network).task
        return bench, task, bench.bias(task, seed)

    @cache
    def rest(address: str, settings: TaskSettings, seed: int, eta: float) -> Rest:
        bench, task, bias = known(address, settings, seed)
        return drift(task, bias, eta, bench.pot)

    @cache
    def expected(address: str, settings: TaskSettings, seed: int, eta: float, start: float) -> Prediction:
        bench, task, bias = known(address, settings, seed)
        return predict(task, bias, eta, start, bench.pot, rest(address, settings, seed, eta))

    for point, each in trained:
        p, setting = each.clock.p, (each.board, each.task, each.seed)
        eta, start = float(np.max(each.eta)), float(np.max(each.start or 0.0))
        bench, there = known(*setting)[0], expected(*setting, eta, start)
        yield {
            "point": point,
            "s": float(np.max(bench.sigma.most_v)) / (eta * each.task.v_max),  # type: ignore[union-attr]
            "predicted": there.error(p),
            "lock": there.lock,
            "reached": there.steps_p(p) <= each.triggers * p or (p == 1.0 and there.locks),
        }
