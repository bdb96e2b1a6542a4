"""Learning rules side by side: which rule learns what, from which measurements, at what cost."""

from labnet.rule_comparison.comparison import RuleComparison
from labnet.rule_comparison.entries import Entry
from labnet.rule_comparison.running import compare_rules

__all__ = ["Entry", "RuleComparison", "compare_rules"]
