"""What the figures of docs/when-desynchrony-helps.md share: final errors by setting and p, and the gain of p < 1."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from labnet.analysis import mean, medians
from labnet.figures.figure import wide

P, SIGMA = "clock.p", "board.sigma_max_v"


def s_of(sigma_v: float) -> float:
    """Give s = sigma_max / (eta V) at 5 V and eta = 1."""
    return sigma_v / 5.0


def by_setting(frame: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Give final errors over tasks for every setting and p.

    Parameters
    ----------
    frame : pandas.DataFrame
        As `labnet.figures.figure.late_error` gives it: a row a training, with the columns `keys`, "clock.p",
        "task.seed" and "scaled_error".
    keys : sequence of str
        Columns that make a setting.

    Returns
    -------
    pandas.DataFrame
        `keys`, "p", "tasks", "median", "low", "high" (95 % interval of the median), "mean", "mean_low", "mean_high",
        and "gain", "gain_low", "gain_high": error at p = 1 over error at p, the median over tasks of their ratios.
        Tasks where one of the trainings failed are left out.
    """
    rows: list[dict[str, Any]] = []
    for setting, part in frame.groupby(list(keys), sort=False):
        errors, ps = wide(part, P, "scaled_error")
        with np.errstate(divide="ignore", invalid="ignore"):
            gains = errors[:, [-1]] / errors if ps[-1] == 1.0 else np.full_like(errors, np.nan)
        middles, ratios = medians(errors), medians(gains)
        for k, p in enumerate(ps):
            average = mean(errors[:, k])
            rows.append(
                dict(zip(keys, setting, strict=True))
                | {"p": p, "tasks": len(errors)}
                | dict(zip(("median", "low", "high"), middles[:, k], strict=True))
                | dict(zip(("mean", "mean_low", "mean_high"), average, strict=True))
                | dict(zip(("gain", "gain_low", "gain_high"), ratios[:, k], strict=True))
            )
    return pd.DataFrame(rows)
