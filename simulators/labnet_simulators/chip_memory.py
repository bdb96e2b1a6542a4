"""Whether an image fits the ATmega2560: its flash, its static memory, and the deepest that its stack can be.

python chip_memory.py firmware.elf     prints a table; exit code 1 when something does not fit

Without anything but Python and avr-objdump, so that the firmware's build can run it.

The stack is followed through the machine code, from main and from every interrupt handler: pushes, frames, calls. A
call through a pointer may be to every function whose address is taken, which the linker's relocations tell (link with
-Wl,--emit-relocs). Interrupts do not nest, so the deepest handler counts once.
"""

import argparse
import re
import subprocess
import sys
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

FLASH = 64 * 1024  # bytes that we allow, of 256 kB
RAM = 8 * 1024
RETURN = 3  # bytes of a return address

_RAM_AT, _EEPROM_AT = 0x800000, 0x810000
_BANNED = re.compile(r"malloc|calloc|realloc|free|__\w+sf[23]|__(fix|float)\w+")
_SECTION = re.compile(r"^ *\d+ (\S+) +([0-9a-f]{8})  ([0-9a-f]{8}) .*\n +(.*)$", re.MULTILINE)
_SYMBOL = re.compile(r"^([0-9a-f]{8}) .{6}(.) (\S+)\t([0-9a-f]{8}) (?:\.hidden )?(\S+)$", re.MULTILINE)
_RELOCATION = re.compile(r"^[0-9a-f]{8} R_AVR_(?:16_PM|LO8_LDI_(?:GS|PM)) +(\S+?)(?:\+0x([0-9a-f]+))?$", re.MULTILINE)
_INSTRUCTION = re.compile(r"^ +([0-9a-f]+):\t((?:[0-9a-f]{2} )+) *\t(\w+)(?:\t([^;\n]*))?", re.MULTILINE)

_SKIPS = frozenset(("sbrc", "sbrs", "sbic", "sbis", "cpse"))
_LEAVES_OPERAND = frozenset(("cp", "cpc", "cpi", "tst", "push", "out", "sts", "st", "std", "bst")) | _SKIPS
_SAVES, _RESTORES, _TABLE = "__prologue_saves__", "__epilogue_restores__", "__tablejump2__"
_SAVED = 18  # registers that the first of them pushes
_Y = 28


class DoesNotFit(Exception):
    """An image that is too large for the chip, or whose stack has no bound that can be found."""


@dataclass(frozen=True)
class Step:
    """A function on the way to where the stack is deepest.

    Attributes
    ----------
    name : str
    stack : int
        Bytes that it has on the stack there, with the return address of what it calls next.
    """

    name: str
    stack: int


Way = tuple[Step, ...]


@dataclass(frozen=True)
class Memory:
    """What an image takes, in bytes; `way` leads to where the stack is deepest, and `handler` comes on top of it."""

    flash: int
    static: int
    way: Way
    handler: Way

    @property
    def stack(self) -> int:
        """Give the deepest that the stack can be."""
        return _depth(self.way) + _depth(self.handler)

    def table(self) -> str:
        """Give all of it as text."""
        rows = (("flash", self.flash, FLASH), ("RAM", self.static + self.stack, RAM))
        lines = [f"{'':14}{'used':>7}{'limit':>7}{'left':>7}  bytes"]
        lines += [f"{name:14}{used:7}{limit:7}{limit - used:7}" for name, used, limit in rows]
        lines += [f"{name:14}{used:7}" for name, used in (("  static", self.static), ("  stack", self.stack))]
        for name, way in (("deepest stack", self.way), ("and interrupt", self.handler)):
            lines += [f"{name}: " + " > ".join(f"{step.name} {step.stack}" for step in way)] if way else []
        return "\n".join(lines)


def measure(elf: Path) -> Memory:
    """Measure an image.

    Raises
    ------
    DoesNotFit
        Where it does not fit, or what its stack does is not understood: recursion, a stack that grows in a loop or by
        an amount known only when it runs, interrupts that nest. Where it uses the heap or floating point, which the
        firmware does without.
    """
    headers, symbols, code, relocations = (_dump(flag, elf) for flag in ("-h", "-t", "-d", "-r"))
    flash = static = 0
    for _, size, address, flags in _SECTION.findall(headers):
        at, loaded = int(address, 16), "LOAD" in flags
        if "ALLOC" in flags and at < _EEPROM_AT:
            flash += int(size, 16) if loaded else 0
            static += int(size, 16) if at >= _RAM_AT else 0
    names = [name for _, _, _, _, name in _SYMBOL.findall(symbols)]
    if banned := sorted({name for name in names if _BANNED.fullmatch(name)}):
        raise DoesNotFit(f"{elf.name} uses the heap or floating point: {', '.join(banned)}; allowed: neither.")
    if "R_AVR_" not in relocations:
        raise DoesNotFit(f"{elf.name} does not tell whose addresses are taken; link it with -Wl,--emit-relocs.")
    stack = _Code(symbols, code, relocations)
    memory = Memory(flash, static, (Step("start", RETURN), *stack.deepest_of(["main"])), stack.deepest_handler())
    if flash > FLASH:
        raise DoesNotFit(f"{elf.name} takes {flash} bytes of flash; allowed: {FLASH}.\n{memory.table()}")
    if static + memory.stack >= RAM:
        raise DoesNotFit(
            f"{elf.name} takes {static} bytes of static memory and {memory.stack} of stack; allowed: less than {RAM} "
            f"together. firmware/src/sizes.h has the large ones.\n{memory.table()}"
        )
    return memory


def _dump(flag: str, elf: Path) -> str:
    done = subprocess.run(["avr-objdump", flag, str(elf)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise DoesNotFit(f"{elf} cannot be read: {done.stderr.strip()}")
    return done.stdout


def _depth(way: Way) -> int:
    return sum(step.stack for step in way)


@dataclass(frozen=True)
class _State:
    """Before an instruction: bytes on the stack, and the register pairs that hold a stack pointer, with its bytes."""

    depth: int
    pointers: tuple[tuple[int, int], ...] = ()

    def holding(self, pair: int, depth: int | None) -> "_State":
        others = tuple(known for known in self.pointers if known[0] != pair)
        return _State(self.depth, others if depth is None else (*others, (pair, depth)))

    def called(self) -> "_State":
        """Give the state after a call, which keeps Y alone."""
        return _State(self.depth, tuple(known for known in self.pointers if known[0] == _Y))


class _Code:
    """The machine code, followed function by function."""

    def __init__(self, symbols: str, code: str, relocations: str) -> None:
        self._instructions = {
            int(address, 16): (name, operands.strip(), int(address, 16) + len(data.split()))
            for address, data, name, operands in _INSTRUCTION.findall(code)
        }
        rows = [(int(at, 16), kind, int(size, 16), name) for at, kind, _, size, name in _SYMBOL.findall(symbols)]
        self._at = {name: at for at, _, _, name in rows}
        self._named: dict[int, str] = {
            at: name for at, _, _, name in rows if at < _RAM_AT and not name.startswith(("__vector_", "."))
        }
        self._functions: list[tuple[int, int, str]] = sorted(
            (at, at + size, name) for at, kind, size, name in rows if kind == "F"
        )
        taken = {self._at[name] + int(offset or "0", 16) for name, offset in _RELOCATION.findall(relocations)}
        starts = {start for start, _, _ in self._functions}
        self._pointed = sorted(taken & starts)
        self._inside = sorted(taken - starts)  # of switches
        self._known: dict[int, tuple[Way, bool]] = {}
        self._open: list[int] = []
        self._in_handler = False

    def deepest_of(self, names: list[str]) -> Way:
        """Give the way to the deepest stack of some functions."""
        for name in names:
            if name not in self._at:
                raise DoesNotFit(f"there is no {name} in the image; is it linked?")
        return max((self._deepest(self._at[name])[0] for name in names), key=_depth, default=())

    def deepest_handler(self) -> Way:
        """Give the way to the deepest stack of the interrupt handlers."""
        self._in_handler = True
        self._known.clear()
        restart = self._at.get("__bad_interrupt")  # that of interrupts without a handler
        handlers = [name for name, at in self._at.items() if re.fullmatch(r"__vector_\d+", name) and at != restart]
        way = self.deepest_of(handlers)
        return (Step("interrupt", RETURN), *way) if way else ()

    def _name(self, address: int) -> str:
        if address in self._named:
            return self._named[address]
        k = bisect_right(self._functions, (address, 1 << 32)) - 1
        return self._functions[k][2] if k >= 0 and address < self._functions[k][1] else f"{address:#x}"

    def _deepest(self, start: int) -> tuple[Way, bool]:
        """Give the way to the deepest stack of a function, and whether it returns."""
        if start in self._open:
            circle = [*self._open[self._open.index(start) :], start]
            raise DoesNotFit(
                f"the stack has no bound: {' > '.join(map(self._name, circle))} is a recursion; allowed: none. Calls "
                "through a pointer count as calls of every function whose address is taken."
            )
        if start not in self._known:
            self._open.append(start)
            self._known[start] = self._follow(start)
            self._open.pop()
        return self._known[start]

    def _follow(self, start: int) -> tuple[Way, bool]:
        deepest: Way = (Step(self._name(start), 0),)
        returns = False
        todo, seen = [(start, _State(0))], set[tuple[int, _State]]()
        while todo:
            if (here := todo.pop()) in seen:
                continue
            seen.add(here)
            address, state = here
            if state.depth > RAM:
                raise DoesNotFit(
                    f"the stack grows in a loop at {address:#x} in {self._name(address)}; allowed: no such."
                )
            if state.depth > _depth(deepest):
                deepest = (Step(self._name(start), state.depth),)
            if address not in self._instructions:
                raise DoesNotFit(f"{self._name(start)} goes on at {address:#x}, where there are no instructions.")
            name, operands, after = self._instructions[address]
            if name in ("ret", "reti"):
                if state.depth:
                    raise self._strange(address, f"returns with {state.depth} bytes on the stack")
                returns = True
            elif name in ("jmp", "rjmp") and self._part_of(_RESTORES, _target(operands, after)) is not None:
                returns = True
            elif (callees := self._callees(name, operands, after)) is not None:
                back = not callees
                for callee in callees:
                    way, comes_back = self._deepest(callee)
                    back |= comes_back
                    if state.depth + RETURN + _depth(way) > _depth(deepest):
                        deepest = (Step(self._name(start), state.depth + RETURN), *way)
                if back:
                    todo.append((after, state.called()))
            else:
                todo += self._next(address, name, operands, after, state)
        return deepest, returns

    def _callees(self, name: str, operands: str, after: int) -> list[int] | None:
        """Give whom an instruction may call; None where it calls nobody."""
        if name in ("icall", "eicall"):
            return self._pointed
        if name in ("call", "rcall") and (target := _target(operands, after)) != after:
            return [target]
        return None

    def _next(self, at: int, name: str, operands: str, after: int, state: _State) -> list[tuple[int, _State]]:
        """Give where an instruction leads, and the state there."""
        if name in ("jmp", "rjmp"):
            target = _target(operands, after)
            return self._jump(at, target, after, state) if target else []  # 0 begins anew
        if name in ("ijmp", "eijmp"):
            return [(function, state) for function in self._pointed]
        if name.startswith("br") and name != "break":
            return [(after, state), (_target(operands.split(",")[-1].strip(), after), state)]
        if name in _SKIPS and after in self._instructions:
            return [(after, state), (self._instructions[after][2], state)]
        if name == "sei" and self._in_handler:
            raise self._strange(at, "lets interrupts nest; allowed: no sei in a handler")
        return [(after, self._after(at, name, operands, state))]

    def _jump(self, at: int, target: int, after: int, state: _State) -> list[tuple[int, _State]]:
        if target == self._at.get(_TABLE):
            k = bisect_right(self._functions, (at, 1 << 32)) - 1
            start, end, _ = self._functions[k]
            return [(inside, state) for inside in self._inside if start <= inside < end]
        if (left := self._part_of(_SAVES, target)) is not None:  # saves registers, makes the frame
            words = [self._instructions.get(at - back, ("", "", 0)) for back in (8, 6)]
            low, high = (_number(operands.split(",")[-1]) for _, operands, _ in words)
            if [name for name, _, _ in words] != ["ldi", "ldi"]:
                raise self._strange(at, "has a frame of unknown size")
            depth = state.depth + left + low + 256 * high
            return [(after, _State(depth, ((_Y, depth),)))]
        return [(target, state)]

    def _part_of(self, name: str, target: int) -> int | None:
        """Give how many registers one of gcc's two functions has left to save or restore where a jump enters it."""
        left = _SAVED - (target - self._at.get(name, target + 2 * _SAVED)) // 2
        return left if 0 < left <= _SAVED else None

    def _after(self, at: int, name: str, operands: str, state: _State) -> _State:
        """Give the state after an instruction that leads to the next one."""
        words = [word.strip() for word in operands.split(",")]
        pointers = dict(state.pointers)
        if name == "push":
            return _State(state.depth + 1, state.pointers)
        if name == "pop":
            state = _State(state.depth - 1, state.pointers)
        elif name == "rcall":  # of the next instruction: makes room
            return _State(state.depth + RETURN, state.pointers)
        elif name == "in" and words[1] == "0x3d":
            return state.holding(_register(words[0]), state.depth)
        elif name == "in" and words[1] == "0x3e":
            return state
        elif name == "out" and words[0] == "0x3d":
            depth = pointers.get(_register(words[1]))
            if depth is None:
                raise self._strange(at, "sets the stack pointer to what is known only when it runs")
            return _State((depth + 0x8000) % 0x10000 - 0x8000, state.pointers).called()
        register = _register(words[0])
        pair = register - register % 2
        if pair in pointers and name == "sbc" and words[1] == "r1":  # which holds 0
            return state
        if pair in pointers and name in ("sbiw", "adiw", "subi", "sbci"):
            number = _number(words[1]) * (256 if name == "sbci" else 1) * (-1 if name == "adiw" else 1)
            return state.holding(pair, (pointers[pair] + number) % 0x10000)
        for written in _written(name, words):
            state = state.holding(written - written % 2, None)
        return state

    def _strange(self, at: int, what: str) -> DoesNotFit:
        return DoesNotFit(f"{self._name(at)} {what} (at {at:#x}), so the stack has no bound that can be found.")


def _target(operand: str, after: int) -> int:
    return after + int(operand[1:]) if operand.startswith(".") else int(operand, 16)


def _number(word: str) -> int:
    return int(word, 16) if word.strip() else 0


def _register(word: str) -> int:
    """Give the number of a register; of the pointers X, Y and Z that of their lower half; -1 where it is none."""
    if found := re.fullmatch(r"r(\d+)", word):
        return int(found[1])
    return {"X": 26, "Y": 28, "Z": 30}.get(word.strip("+-")[:1], -1)


def _written(name: str, words: list[str]) -> list[int]:
    """Give registers that an instruction writes; a pair is told by either of its two."""
    written = [] if name in _LEAVES_OPERAND else [_register(words[0])]
    moved = [word for word in words if word.startswith("-") or word.endswith("+")]  # -X, X+
    return [register for register in (*written, *map(_register, moved)) if register >= 0]


def main(arguments: list[str]) -> str | None:
    """Print what an image takes; gives what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("elf", type=Path, help="the image, linked with -Wl,--emit-relocs")
    try:
        print(measure(parser.parse_args(arguments).elf).table())
    except DoesNotFit as error:
        return f"chip_memory.py: {error}"
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
