"""Ticks of logarithmic axes, on which short ranges have labels too."""

from bokeh.models import CustomJSTicker, CustomJSTickFormatter, LogAxis
from bokeh.plotting import figure

# Decades; within two of them 1, 2 and 5; within a part of one, equal distances.
_MAJOR = """
    const low = Math.min(cb_data.start, cb_data.end), high = Math.max(cb_data.start, cb_data.end)
    const decades = Math.log10(high / low)
    if (!(low > 0) || !Number.isFinite(decades) || decades == 0) return []
    const every = Math.max(Math.ceil(decades / 9), 1), ticks = []
    for (let k = Math.floor(Math.log10(low)); k <= Math.log10(high); k++)
        for (const factor of decades < 2 ? [1, 2, 5] : k % every == 0 ? [1] : []) ticks.push(Number(`${factor}e${k}`))
    const seen = ticks.filter((tick) => low <= tick && tick <= high)
    if (seen.length > 2 || decades >= 2) return seen
    const about = (high - low) / 4, power = 10 ** Math.floor(Math.log10(about))
    const step = power * [1, 2, 5, 10].find((factor) => factor * power >= about)
    const equal = []
    for (let k = Math.ceil(low / step); k * step <= high; k++) equal.push(k * step)
    return equal
"""
_MINOR = """
    const low = Math.min(cb_data.start, cb_data.end), high = Math.max(cb_data.start, cb_data.end)
    const decades = Math.log10(high / low), ticks = []
    if (!(low > 0) || !(decades < 9)) return []
    for (let k = Math.floor(Math.log10(low)); k <= Math.log10(high); k++)
        for (let factor = 2; factor < 10; factor++) ticks.push(Number(`${factor}e${k}`))
    return ticks.filter((tick) => low <= tick && tick <= high)
"""
_LABEL = """
    const exponent = (value) => Math.log10(value), whole = (value) => Math.abs(value - Math.round(value)) < 1e-9
    if (!ticks.every((each) => whole(exponent(each)))) return String(Number(tick.toPrecision(4)))
    const power = String(Math.round(exponent(tick)))
    return "10" + power.replace(/./g, (digit) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(digit)])
"""


def label_log_axes(plot: figure) -> None:
    """Give the logarithmic axes of a plot such ticks."""
    for axis in plot.select(LogAxis):
        axis.ticker = CustomJSTicker(major_code=_MAJOR, minor_code=_MINOR)
        axis.formatter = CustomJSTickFormatter(code=_LABEL)
    for grid in plot.grid:
        grid.ticker = grid.axis.ticker
