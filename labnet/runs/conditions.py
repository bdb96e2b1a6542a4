"""Conditions on runs, as somebody types them: ``clock.p < 0.5 and eta == 1``. Nothing typed is executed."""

import ast
import operator
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from labnet.errors import ConditionError
from labnet.runs.parameters import shown

Row = Mapping[str, Any]
Term = Callable[[Row], Any]

_COMPARED: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda a, b: b is not None and a in b,
    ast.NotIn: lambda a, b: b is None or a not in b,
}
_COMPUTED: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_NAME = re.compile(r"[^\W\d]\w*(\.\w+)*")
_ALLOWED = (
    "columns, numbers, texts in quotes, lists, None, True, False, < <= == != >= > in, + - * /, and, or, not, ( ). For "
    "example: clock.p < 0.5 and board.preset == 'lab'"
)


class Condition:
    """A condition on the columns of rows.

    What a row does not have is None: equal to None alone, neither less nor more than anything.

    Parameters
    ----------
    text : str
        Columns (with their dots), numbers, texts in quotes, lists, None, True, False; comparisons and ``in``; sums and
        products; and, or, not.

    Raises
    ------
    ConditionError
        For anything else.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._columns: list[str] = []
        self._comparisons: list[_Comparison] = []
        try:
            self._holds = self._term(ast.parse(text.strip(), mode="eval").body)
        except (SyntaxError, RecursionError, MemoryError) as error:
            raise self._error(_misspelt(text, error)) from None

    def select(self, rows: Sequence[Row], columns: Collection[str]) -> list[Row]:
        """Give the rows of which it is true; `columns` are those that there are.

        Raises
        ------
        ConditionError
            For a column that there is not, and for a text compared with a number in every row.
        """
        for name in self._columns:
            check_column(name, columns, f"{self._text!r}: ")
        found = [row for row in rows if self._holds(row)]
        for each in self._comparisons:
            if each.unlike and not each.compared:
                a, b = map(shown, each.unlike)
                raise self._error(f"{each.said} compares {a} with {b}, a text with a number (texts stand in quotes)")
        return found

    def _error(self, what: str) -> ConditionError:
        return ConditionError(f"{self._text!r} is no condition: {what}; allowed: {_ALLOWED}.")

    def _term(self, node: ast.expr) -> Term:
        """Give what computes a part of the condition from a row."""
        match node:
            case ast.Constant(value=None | bool() | int() | float() | str() as value):
                return lambda _: value
            case ast.Name() | ast.Attribute() if _NAME.fullmatch(name := ast.unparse(node)):
                self._columns.append(name)
                return lambda row: row.get(name)
            case ast.List() | ast.Tuple():
                each = [self._term(part) for part in node.elts]
                return lambda row: [term(row) for term in each]
            case ast.BoolOp():
                each = [self._term(part) for part in node.values]
                joined = all if isinstance(node.op, ast.And) else any
                return lambda row: joined(term(row) for term in each)
            case ast.UnaryOp(op=ast.Not()):
                term = self._term(node.operand)
                return lambda row: not term(row)
            case ast.UnaryOp(op=ast.USub()):
                return _computed(operator.sub, lambda _: 0, self._term(node.operand))
            case ast.BinOp() if type(node.op) in _COMPUTED:
                return _computed(_COMPUTED[type(node.op)], self._term(node.left), self._term(node.right))
            case ast.Compare() if all(type(op) in _COMPARED for op in node.ops):
                terms = [self._term(part) for part in (node.left, *node.comparators)]
                pairs = [
                    _Comparison(_COMPARED[type(op)], a, b, ast.unparse(node))
                    for op, a, b in zip(node.ops, terms, terms[1:], strict=False)
                ]
                self._comparisons += pairs
                return lambda row: all(pair(row) for pair in pairs)
        raise self._error(f"it has {ast.unparse(node)!r}")


class _Comparison:
    """One comparison; remembers whether there was anything to compare, and what there was that could not be."""

    def __init__(self, operate: Callable[[Any, Any], Any], left: Term, right: Term, said: str) -> None:
        self.operate, self.left, self.right, self.said = operate, left, right, said
        self.compared = False
        self.unlike: tuple[Any, Any] | None = None

    def __call__(self, row: Row) -> bool:
        a, b = self.left(row), self.right(row)
        alike = isinstance(b, list) or isinstance(a, str) == isinstance(b, str)
        try:
            return bool(self.operate(a, b))
        except TypeError:
            alike = False
            return False
        finally:
            if a is not None and b is not None:
                self.compared |= alike
                self.unlike = self.unlike if alike else (a, b)


def check_column(name: str, columns: Collection[str], where: str = "") -> None:
    """Raise `ConditionError` unless there is such a column."""
    if name in columns:
        return
    close = get_close_matches(name, columns, n=3, cutoff=0.5)
    ends = [column for column in columns if column.endswith(f".{name}")]
    meant = " or ".join(dict.fromkeys([*ends, *close]))
    raise ConditionError(
        f"{where}no run here has {name!r}. "
        + (f"Did you mean {meant}? " if meant else "")
        + (f"A text stands in quotes: '{name}'. " if where else "")
        + f"Columns: {', '.join(columns)}."
    )


def _computed(operate: Callable[[Any, Any], Any], left: Term, right: Term) -> Term:
    """Give a sum or product of numbers; None where there is none."""

    def term(row: Row) -> Any:
        a, b = left(row), right(row)
        if not (isinstance(a, int | float) and isinstance(b, int | float)):
            return None
        try:
            return operate(a, b)
        except ArithmeticError:
            return None

    return term


def _misspelt(text: str, error: BaseException) -> str:
    """Say what may be wrong with a text that Python cannot read."""
    if (mended := re.sub(r"(?<![=!<>])=(?!=)", "==", text)) != text:
        return f"one = gives a value, two compare: {mended!r}"
    return f"it cannot be read ({error.msg})" if isinstance(error, SyntaxError) else "it is nested too deeply"
