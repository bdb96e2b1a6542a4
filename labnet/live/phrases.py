"""What the page and the terminal both say of a run."""

import numpy as np

from labnet.live.tail import Tail
from labnet.runs.parameters import task_kind


def title(tail: Tail) -> str:
    """Give the title of the experiment, else what is learned on which network."""
    return str(tail.meta["experiment"].get("title") or f"{task_kind(tail.meta)} on {tail.network.name}")


def progress(tail: Tail) -> str:
    """Say how far it got, how fast it goes and how long it takes yet."""
    said = f"{tail.steps_done:,} of {tail.steps:,} steps"
    if np.isfinite(rate := tail.steps_per_s):
        said += f", {three_digits(rate)} steps/s, {duration((tail.steps - tail.steps_done) / rate)} left"
    return said


def three_digits(number: float) -> str:
    """Give a number with three digits, without an exponent where it is large."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def duration(seconds: float) -> str:
    """Give a time in seconds, minutes, or hours and minutes."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
