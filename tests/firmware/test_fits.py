"""What an image takes of the chip is told as it is: small programs of known depth, and ones that cannot be told."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import labnet
from labnet.bench import serve
from labnet_simulators import chip_memory
from labnet_simulators.building import build_image
from labnet_simulators.chip_memory import RETURN, DoesNotFit, Memory, measure
from labnet_simulators.instrument import Emulated

pytestmark = pytest.mark.skipif(shutil.which("avr-gcc") is None, reason="needs avr-gcc")

Build = Callable[..., Path]

HEAD = """
#include <avr/interrupt.h>
#include <avr/pgmspace.h>
#include <stdint.h>
#include <stdlib.h>
#define APART __attribute__((noinline, noclone))
volatile uint8_t sink;
APART uint8_t leaf(uint8_t n) { volatile uint8_t room[40]; room[n] = n; return room[0]; }
APART uint8_t shallow(uint8_t n) { volatile uint8_t room[5]; room[n] = n; return leaf(room[1]) + room[0]; }
APART uint8_t deep(uint8_t n) {
    volatile uint8_t room[300];
    room[n] = n;
    uint8_t sum = shallow(room[1]);
    return (uint8_t)(sum + shallow(n) + room[0]);
}
"""


@pytest.fixture
def built(tmp_path: Path) -> Build:
    """Compile and link a program; gives the image."""

    def build(program: str, *flags: str, linked: str = "-Wl,--emit-relocs,--gc-sections") -> Path:
        source, elf = tmp_path / "program.c", tmp_path / "program.elf"
        source.write_text(HEAD + program)
        words = ["avr-gcc", "-mmcu=atmega2560", "-Os", "-fstack-usage", linked, *flags]
        subprocess.run([*words, str(source), "-o", str(elf)], cwd=tmp_path, check=True)
        return elf

    return build


def depths(elf: Path) -> dict[str, int]:
    """Give what the compiler says that each function takes, return address included."""
    rows = elf.with_suffix(".su").read_text().splitlines()
    return {row.split("\t")[0].split(":")[-1]: int(row.split("\t")[1]) for row in rows}


def names(memory: Memory) -> list[str]:
    return [step.name for step in memory.way]


@pytest.mark.parametrize("flags", [[], ["-O1"], ["-O2"], ["-O0"], ["-O3", "-mrelax"]], ids=" ".join)
def test_the_deepest_chain_of_calls_is_the_compiler_s_frames_added_up(built: Build, flags: list[str]) -> None:
    elf = built("int main(void) { for (;;) { sink = shallow(deep(sink)); leaf(1); } }", *flags)
    said, memory = depths(elf), measure(elf)
    assert names(memory) == ["start", "main", "deep", "shallow", "leaf"]
    assert memory.stack == sum(said[name] for name in ("main", "deep", "shallow", "leaf"))
    assert memory.stack > 340
    assert memory.static == 1


def test_registers_that_a_shared_function_saves_count(built: Build) -> None:
    program = """
    APART uint64_t many(uint64_t a, uint64_t b) { volatile uint64_t c = a / b; return c / (b + sink); }
    int main(void) { for (;;) sink = (uint8_t)many(sink, 7); }
    """
    plain, shared = measure(built(program)), measure(built(program, "-mcall-prologues"))
    assert shared.flash < plain.flash + 200
    many = [next(step.stack for step in memory.way if step.name == "many") for memory in (plain, shared)]
    assert many[1] >= many[0] > 18, "all registers, and room for c"
    assert many[1] <= many[0] + 18


def test_arguments_on_the_stack_count_while_they_are_there(built: Build) -> None:
    program = """
    APART uint8_t many(uint64_t a, uint64_t b, uint64_t c, uint64_t d) { return leaf((uint8_t)(a + b + c + d)); }
    APART void once(uint8_t n) { sink = many(n, n + 1, n + 2, n + 3); sink = leaf(n); }
    int main(void) { for (;;) once(sink); }
    """
    elf = built(program, "-fno-optimize-sibling-calls")
    memory = measure(elf)
    assert names(memory) == ["start", "main", "once", "many", "leaf"]
    once = memory.way[2].stack
    saved = depths(elf)["once"] - 2 * 8 - RETURN
    assert once == saved + 2 * 8 + RETURN, "two of the four have no room in registers"
    assert 0 < saved <= 18


@pytest.mark.parametrize(
    "table",
    [
        "static uint8_t (*const table[])(uint8_t)",
        "static uint8_t (*volatile table[])(uint8_t)",
        "typedef uint8_t (*task)(uint8_t); static const __flash task table[]",
    ],
    ids=["constant", "in RAM", "in flash"],
)
def test_a_call_through_a_table_may_be_to_any_function_in_it(built: Build, table: str) -> None:
    program = table + " = {leaf, deep, shallow}; int main(void) { for (;;) sink = table[sink % 3](sink); }"
    assert names(measure(built(program)))[1:] == ["main", "deep", "shallow", "leaf"]
    apart = program.replace("deep, ", "shallow, ")
    assert "deep" not in names(measure(built(apart))), "one that is in no table cannot be called"


def test_a_call_through_a_pointer_made_in_code_counts(built: Build) -> None:
    program = """
    static uint8_t (*volatile task)(uint8_t);
    int main(void) { task = sink ? deep : leaf; for (;;) sink = task(sink); }
    """
    assert "deep" in names(measure(built(program)))


def test_the_cases_of_a_switch_are_followed(built: Build) -> None:
    cases = "".join(f"case {k}: sink = {k * k + 3}; leaf({k}); break;" for k in range(12))
    program = f"APART void turn(uint8_t n) {{ switch (n) {{ {cases} case 12: deep(n); }} }}"
    elf = built(program + "int main(void) { for (;;) turn(sink); }", "-fno-optimize-sibling-calls")
    assert "__tablejump2__" in subprocess.run(["avr-nm", elf], capture_output=True, text=True, check=True).stdout
    assert names(measure(elf)) == ["start", "main", "turn", "deep", "shallow", "leaf"]


def test_a_jump_to_another_function_takes_no_return_address(built: Build) -> None:
    program = """
    APART void tail(uint8_t n) { volatile uint8_t room[9]; room[n] = n; }
    APART void hop(uint8_t n) { sink = n; tail(n); }
    int main(void) { for (;;) hop(sink); }
    """
    elf = built(program)
    assert measure(elf).stack == depths(elf)["main"] + depths(elf)["tail"], "no function is deeper than what it becomes"


def test_after_a_function_that_does_not_return_nothing_is_followed(built: Build) -> None:
    program = """
    APART __attribute__((noreturn)) void stop(void) { cli(); for (;;) {} }
    APART void check(void) { if (sink) { stop(); } }
    int main(void) { for (;;) check(); }
    """
    elf = built(program)
    assert measure(elf).stack == sum(depths(elf)[name] for name in ("main", "check", "stop"))


def test_the_deepest_handler_comes_on_top_once(built: Build) -> None:
    program = """
    ISR(TIMER1_COMPA_vect) { sink++; }
    ISR(USART0_RX_vect) { sink = shallow(sink); }
    int main(void) { for (;;) sink = deep(sink); }
    """
    elf = built(program)
    said, memory = depths(elf), measure(elf)
    assert [step.name for step in memory.handler] == ["interrupt", "__vector_25", "shallow", "leaf"]
    assert memory.stack == sum(
        said[name] for name in ("main", "deep", "shallow", "leaf", "__vector_25", "shallow", "leaf")
    )


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("APART uint8_t down(uint8_t n) { return n ? down(n - 1) + leaf(n) : 0; }"
         "int main(void) { for (;;) sink = down(sink); }", "main|down > down is a recursion"),
        ("uint8_t even(uint8_t n); APART uint8_t odd(uint8_t n) { return n ? even(n - 1) + leaf(n) : 0; }"
         "APART uint8_t even(uint8_t n) { return n ? odd(n - 1) + leaf(1) : 1; }"
         "int main(void) { for (;;) sink = even(sink); }", "even > odd > even is a recursion"),
        ("static uint8_t again(uint8_t n); static uint8_t (*volatile next)(uint8_t) = again;"
         "APART static uint8_t again(uint8_t n) { return next(n) + leaf(n); }"
         "int main(void) { for (;;) sink = again(sink); }", "again > again is a recursion.*through a pointer"),
        ("APART void vary(uint8_t n) { volatile uint8_t room[n]; room[0] = 1; sink = leaf(room[n - 1]); }"
         "int main(void) { for (;;) vary(sink); }", "vary sets the stack pointer to what is known only when it runs"),
        ('int main(void) { for (;;) __asm__ volatile("push r0"); }', "grows in a loop at 0x[0-9a-f]+ in main"),
        ('APART void tilt(void) { __asm__ volatile("push r0"); } int main(void) { for (;;) tilt(); }',
         "tilt returns with 1 bytes on the stack"),
        ("ISR(USART0_RX_vect, ISR_NOBLOCK) { sink++; } int main(void) { for (;;) {} }",
         "__vector_25 lets interrupts nest"),
        ("uint8_t large[8180]; int main(void) { for (;;) { large[sink] = sink; deep(1); } }",
         r"takes 8181 bytes of static memory and \d+ of stack; allowed: less than 8192 together(.|\n)*deep 3"),
        ("const __flash uint8_t a[32767] = {1}, b[32767] = {1}; int main(void) { for (;;) sink = a[sink] + b[sink]; }",
         "bytes of flash; allowed: 65536"),
        ("void *volatile got; int main(void) { for (;;) { got = malloc(sink); free(got); } }",
         "uses the heap or floating point: free, malloc; allowed: neither"),
        ("volatile float f; int main(void) { for (;;) f = f + 1; }", "uses the heap or floating point: .*__addsf3"),
    ],
)  # fmt: skip
def test_what_has_no_bound_or_does_not_fit_is_refused(built: Build, program: str, said: str) -> None:
    with pytest.raises(DoesNotFit, match=said):
        measure(built(program, "-fno-optimize-sibling-calls", "-fno-inline"))


def test_an_image_that_does_not_tell_whose_addresses_are_taken_is_refused(built: Build) -> None:
    with pytest.raises(DoesNotFit, match="link it with -Wl,--emit-relocs"):
        measure(built("int main(void) { for (;;) {} }", linked="-Wl,--gc-sections"))


def test_the_firmware_s_build_runs_it_as_a_script(built: Build) -> None:
    def run(elf: Path) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-I", str(chip_memory.__file__), str(elf)]
        return subprocess.run(words, capture_output=True, text=True, check=False)

    fits = run(built("int main(void) { for (;;) sink = deep(sink); }"))
    assert (fits.returncode, fits.stderr) == (0, "")
    assert "deepest stack: start 3 > main 3 > deep" in fits.stdout
    left = next(line.split()[3] for line in fits.stdout.splitlines() if line.startswith("RAM"))
    assert 7800 < int(left) < 7850
    large = run(built("uint8_t large[8188]; int main(void) { for (;;) large[sink] = sink; }"))
    assert large.returncode == 1
    assert large.stderr.startswith("chip_memory.py: program.elf takes 8189 bytes")
    assert "cannot be read" in run(Path("nothing.elf")).stderr


def test_the_emulated_chip_s_stack_was_never_deeper(tmp_path: Path) -> None:
    allowed = measure(build_image("twin16")).stack
    with serve("firmware://twin16?target=atmega2560&preset=lab", port=0) as chip:
        assert isinstance(chip, Emulated)
        with labnet.open_board(chip.address) as board:
            task = labnet.tasks.Allostery.sample(board.network, inputs=2, outputs=2, seed=7)
            plan = labnet.GlobalClock(p=0.5)
            labnet.train(board, task, clock=plan, eta=0.5, steps=50, path=tmp_path / "run.sqlite", progress=False)
            board.set_wipers(10)
            board.read("clamped")
        assert allowed / 2 < chip.stack_bytes() <= allowed
