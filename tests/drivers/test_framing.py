"""Messages on the wire: what ends them, what is in them, what damages them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labnet.errors import LinkError
from labnet_drivers.framing import block, crc16, elements, framed, scan, unblocked, unframed, with_errors

TEXT = st.text("0123456789.,-ABCz #", min_size=1).filter(lambda text: "#" not in text).map(str.encode)
STRING = st.text(';"#1@\t ,x').map(lambda text: '"{}"'.format(text.replace('"', '""')).encode())
BLOCK = st.binary(max_size=50).map(block)
ELEMENTS = st.lists(st.one_of(TEXT, STRING, BLOCK, st.tuples(BLOCK, TEXT).map(b",".join)), min_size=1, max_size=5)


def test_the_crcs_are_the_documented_ones() -> None:
    assert crc16(b"123456789") == 0x29B1
    assert framed(1, b"*IDN?") == b"@0001E8D2BCE3*IDN?\n"
    assert block(bytes([0, 0, 0xFF, 0xFF])) == b"#16" + bytes([0, 0, 0xFF, 0xFF, 0xCF, 0x99])


@given(ELEMENTS, st.binary(max_size=5))
def test_an_answer_ends_at_its_own_newline_and_falls_into_its_elements(parts: list[bytes], rest: bytes) -> None:
    message = b";".join(parts)
    assert scan(message + b"\n" + rest)[1] == len(message)
    assert elements(message) == parts
    for end in range(len(message)):
        assert scan(message[:end])[1] is None, "a part of it is not the whole"


@given(ELEMENTS)
def test_errors_are_told_from_answers(parts: list[bytes]) -> None:
    message = b";".join(parts)
    assert with_errors(message + b';0,"No error"') == (message, ())
    two = b'-222,"Data out of range;node ""12""",-350,"Queue overflow"'
    errors = ((-222, 'Data out of range;node "12"'), (-350, "Queue overflow"))
    assert with_errors(message + b";" + two) == (message, errors)
    assert with_errors(two) == (b"", errors), "where nothing else was asked"


@pytest.mark.parametrize("last", [b"", b"1", b'5,"V",', b'-222,"Data', b'x-222,"Data"', b'"No error"', b'1.5,"V"'])
def test_an_answer_without_its_errors_is_refused(last: bytes) -> None:
    """Nothing of it is dropped, or taken for an error."""
    for answer in (last, b"2;" + last):
        with pytest.raises(LinkError, match="whether there were errors"):
            with_errors(answer)


@given(ELEMENTS, st.binary(max_size=60), st.integers(0, 0xFFFF))
def test_a_framed_answer_is_found_among_anything(parts: list[bytes], noise: bytes, sequence: int) -> None:
    message = b";".join(parts)
    line = framed(sequence, message)
    other = framed((sequence + 1) & 0xFFFF, b"another")
    assert unframed(noise + other + line, sequence) == message
    cut = line[: len(line) // 2]
    assert unframed(cut + line, sequence) == message


@given(ELEMENTS, st.data())
def test_a_damaged_answer_is_none(parts: list[bytes], data: st.DataObject) -> None:
    line = bytearray(framed(7, b";".join(parts)))
    line[data.draw(st.integers(0, len(line) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert unframed(line, 7) is None


def test_a_block_that_lost_or_gained_something_is_refused() -> None:
    whole = block(bytes(range(20)))
    assert unblocked(whole) == bytes(range(20))
    for damaged in (whole[:-1], whole[:10] + b"x" + whole[10:], b"", b"1.5,2", whole[:5] + b"\xff" + whole[6:]):
        with pytest.raises(LinkError, match="damaged"):
            unblocked(damaged)
