"""What to expect of a board trained by the discrete rule, and what to set: predictions of `labnet.desynchrony`.

A board's comparators, wipers and voltages, and some tasks on it, give what the training as planned ends at, whether
p < 1 helps, and the eta, start and p to use. docs/when-desynchrony-helps.md says how good that is.
"""

from labnet.advice.advising import HELPS, Advice, Outlook, Setting, Spread, advise, factor_for
from labnet.advice.bench import Bench, Sigma

__all__ = ["HELPS", "Advice", "Bench", "Outlook", "Setting", "Sigma", "Spread", "advise", "factor_for"]
