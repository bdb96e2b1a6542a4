"""SIMD lanes for numba: a number that is `width` numbers, one a network, which the processor handles at once.

Code written for plain floats works for lanes too: +, -, *, / and comparisons act on all lanes, `full` makes lanes of
one number, `select` takes the place of if. A width of 1 gives plain floats. Every operation is rounded as IEEE 754 says
and `fma` is explicit, so a lane's results do not depend on the width, on other lanes, or on the machine.
"""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable
from numba.np.arrayobj import make_array, populate_array
from numpy.typing import NDArray

_ALIGNMENT = 64  # bytes of the widest vector register: a load across two cache lines takes twice as long
_NUMBER, _MASK = ir.DoubleType(), ir.IntType(1)


def _inlined(function: Callable[..., Any]) -> Any:
    """Let a function write LLVM's instructions where it is called."""
    return intrinsic(function)


class Lanes(types.Type):  # type: ignore[misc]
    """The numba type of `width` float64 numbers ("f8") or of as many answers to a comparison ("i1")."""

    def __init__(self, kind: str, width: int) -> None:
        self.kind, self.width = kind, width
        super().__init__(name=f"Lanes({kind}, {width})")


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, lanes: Lanes) -> None:
        element = _NUMBER if lanes.kind == "f8" else _MASK
        super().__init__(manager, lanes, ir.VectorType(element, lanes.width))


def _numbers(width: int) -> types.Type:
    return types.float64 if width == 1 else Lanes("f8", width)


def _is_numbers(each: types.Type) -> bool:
    return each == types.float64 or (isinstance(each, Lanes) and each.kind == "f8")


def _mask_of(each: types.Type) -> types.Type:
    return Lanes("i1", each.width) if isinstance(each, Lanes) else types.boolean


def _define(operation: Any, kind: str, instruction: Any, result: Any) -> None:
    """Let an operator of Python act on two lanes of a kind."""

    def _type(context: Any) -> Any:
        def of(a: types.Type, b: types.Type) -> Any:
            return result(a) if isinstance(a, Lanes) and a == b and a.kind == kind else None

        return of

    def _lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return instruction(builder, *args)

    type_callable(operation)(_type)
    lower_builtin(operation, Lanes, Lanes)(_lower)


for _operator, _instruction in (
    (operator.add, ir.IRBuilder.fadd),
    (operator.sub, ir.IRBuilder.fsub),
    (operator.mul, ir.IRBuilder.fmul),
    (operator.truediv, ir.IRBuilder.fdiv),
):
    _define(_operator, "f8", _instruction, lambda a: a)
for _operator, _sign in ((operator.lt, "<"), (operator.gt, ">")):
    _define(_operator, "f8", lambda b, x, y, sign=_sign: b.fcmp_ordered(sign, x, y), _mask_of)


def _llvm(name: str, count: int) -> Any:
    """Make a function of `count` lanes out of LLVM's function of that name."""

    def call(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = args[0].type
        suffix = f"v{kind.count}f64" if isinstance(kind, ir.VectorType) else "f64"
        made = ir.FunctionType(kind, [kind] * count)
        return builder.call(cgutils.get_or_insert_function(builder.module, made, f"llvm.{name}.{suffix}"), args)

    return call


@_inlined
def fma(_context: Any, a: types.Type, b: types.Type, c: types.Type) -> Any:
    """Give a b + c, rounded once."""
    return (a(a, b, c), _llvm("fma", 3)) if _is_numbers(a) and a == b == c else None


@_inlined
def absolute(_context: Any, a: types.Type) -> Any:
    """Give |a|."""
    return (a(a), _llvm("fabs", 1)) if _is_numbers(a) else None


@_inlined
def floor(_context: Any, a: types.Type) -> Any:
    """Give the largest whole number up to a."""
    return (a(a), _llvm("floor", 1)) if _is_numbers(a) else None


@_inlined
def select(_context: Any, mask: types.Type, a: types.Type, b: types.Type) -> Any:
    """Give a where the mask says so, else b."""

    def make(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(*args)

    return (a(mask, a, b), make) if _is_numbers(a) and a == b and mask == _mask_of(a) else None


@_inlined
def full(_context: Any, width: types.Type, x: types.Type) -> Any:
    """Give lanes that all hold the number x; `width` is a tuple of as many zeros."""
    kind = _numbers(width.count)

    def make(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if width.count == 1:
            return args[1]
        nothing = ir.Constant(context.get_value_type(kind), ir.Undefined)
        one = builder.insert_element(nothing, args[1], ir.IntType(32)(0))
        return builder.shuffle_vector(one, nothing, ir.Constant(ir.VectorType(ir.IntType(32), width.count), None))

    return (kind(width, x), make) if x == types.float64 else None


@_inlined
def any_lane(_context: Any, mask: types.Type) -> Any:
    """Tell whether the mask says so of any lane."""

    def make(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if not isinstance(mask, Lanes):
            return args[0]
        bits = builder.bitcast(args[0], ir.IntType(mask.width))
        return builder.icmp_unsigned("!=", bits, bits.type(0))

    return types.boolean(mask), make


@_inlined
def gather(_context: Any, table: types.Type, start: types.Type, index: types.Type) -> Any:
    """Give number start + index of a table for every lane's index, a whole number as float; nothing is checked."""

    def make(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = make_array(signature.args[0])(context, builder, args[0])
        data = builder.gep(builder.bitcast(array.data, _NUMBER.as_pointer()), [args[1]])

        def look_up(at: Any) -> Any:
            return builder.load(builder.gep(data, [builder.fptosi(at, ir.IntType(64))]))

        if not isinstance(index, Lanes):
            return look_up(args[2])
        found = ir.Constant(context.get_value_type(index), ir.Undefined)
        for lane in range(index.width):
            place = ir.IntType(32)(lane)
            found = builder.insert_element(found, look_up(builder.extract_element(args[2], place)), place)
        return found

    return (index(table, types.intp, index), make) if _is_numbers(index) else None


@_inlined
def lanes_of(_context: Any, width: types.Type, array: types.Type) -> Any:
    """See an array of shape (X, width) as one of X lanes."""
    seen = types.Array(_numbers(width.count), 1, "C", aligned=False)

    def make(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        given = make_array(signature.args[1])(context, builder, args[1])
        result = make_array(seen)(context, builder)
        size = context.get_constant(types.intp, 8 * width.count)
        populate_array(
            result,
            data=builder.bitcast(given.data, context.get_data_type(seen.dtype).as_pointer()),
            shape=[cgutils.unpack_tuple(builder, given.shape)[0]],
            strides=[size],
            itemsize=size,
            meminfo=given.meminfo,
            parent=given.parent,
        )
        return impl_ret_borrowed(context, builder, seen, result._getvalue())

    return seen(width, array), make


def aligned(count: int, width: int) -> NDArray[np.float64]:
    """Make zeros of shape (count, width) that begin at a cache line."""
    raw = np.zeros(count * width * 8 + _ALIGNMENT, dtype=np.uint8)
    begin = -raw.ctypes.data % _ALIGNMENT
    return raw[begin : begin + count * width * 8].view(np.float64).reshape(count, width)
