"""What a message looks like on the wire: elements, blocks, errors, check frames (docs/scpi.md)."""

import re
from binascii import crc_hqx
from typing import NamedTuple
from zlib import crc32

from labnet.errors import LinkError

ERRORS = b";:SYST:ERR:ALL?"
_NO_ERROR = b';0,"No error"'
_MARK = re.compile(rb'["\n;]|,(?=#)')
_ERROR = re.compile(rb'([+-]?\d+),"((?:[^"]|"")*)"')
_ALL_ERRORS = re.compile(_ERROR.pattern + b"(?:," + _ERROR.pattern + b")*")
FRAME = 13  # bytes of a check frame: @, sequence number, CRC


class Answer(NamedTuple):
    """What came back after a message: the answers to its queries, and the errors since the message before."""

    text: bytes
    errors: tuple[tuple[int, str], ...]


def crc16(data: bytes) -> int:
    """Give the CRC-16/CCITT-FALSE, that of blocks; frames have CRC-32."""
    return crc_hqx(data, 0xFFFF)


def scan(data: bytes | bytearray, at: int = 0) -> tuple[list[int], int | None]:
    """Find where the elements of an answer that begins at `at` end: their semicolons, and the newline.

    Strings may hold semicolons, blocks anything; a block stands at the beginning of an element or after a comma. The
    newline is None until it is there.
    """
    semicolons: list[int] = []
    while True:
        if data[at : at + 1] == b"#":
            after = _after_block(data, at)
            if after is None:
                return semicolons, None
            at = after
        mark = _MARK.search(data, at)
        if mark is None:
            return semicolons, None
        at = mark.end()
        if mark[0] == b"\n":
            return semicolons, mark.start()
        if mark[0] == b'"':
            at = data.find(b'"', at) + 1
            if not at:
                return semicolons, None
        elif mark[0] == b";":
            semicolons.append(mark.start())


def _after_block(data: bytes | bytearray, at: int) -> int | None:
    """Give where a block ends, None where it is not there yet; what only looks like one is text."""
    digits = data[at + 1 : at + 2]
    if not digits:
        return None
    if not b"1" <= digits <= b"9":
        return at + 1
    begin = at + 2 + int(digits)
    count = data[at + 2 : begin]
    if not count.isdigit():
        return at + 1 if count else None
    if len(data) < begin or len(data) < begin + int(count):
        return None
    return begin + int(count)


def elements(text: bytes) -> list[bytes]:
    """Give the answers to the queries of a message, one each."""
    ends = [*scan(text + b"\n")[0], len(text)]
    return [text[begin:end] for begin, end in zip([0, *(end + 1 for end in ends)], ends, strict=False)]


def with_errors(text: bytes) -> Answer:
    """Take the errors off an answer.

    Raises
    ------
    LinkError
        Where there are none at its end, not even that there was no error.
    """
    if text.endswith(_NO_ERROR):
        return Answer(text[: -len(_NO_ERROR)], ())
    *answers, last = elements(text)
    if not _ALL_ERRORS.fullmatch(last):
        raise LinkError(f"an answer ends with {last[-100:]!r}, where the board was to say whether there were errors.")
    errors = tuple((int(code), said.replace(b'""', b'"').decode("latin-1")) for code, said in _ERROR.findall(last))
    return Answer(b";".join(answers), tuple(error for error in errors if error[0]))


def framed(sequence: int, message: bytes) -> bytes:
    """Give a message with its check frame and newline."""
    number = b"%04X" % sequence
    return b"@%s%08X%s\n" % (number, crc32(number + message), message)


def unframed(heard: bytes | bytearray, sequence: int) -> bytes | None:
    """Find the whole answer with this sequence number in what was heard, whatever else is there."""
    number = b"%04X" % sequence
    at = heard.find(b"@" + number)
    while at >= 0:
        end = scan(heard, at + FRAME)[1]
        if end is not None:
            message = bytes(heard[at + FRAME : end])
            if heard[at + 5 : at + FRAME] == b"%08X" % crc32(number + message):
                return message
        at = heard.find(b"@" + number, at + 1)
    return None


def block(payload: bytes) -> bytes:
    """Give a block: length, payload, CRC."""
    count = b"%d" % (len(payload) + 2)
    return b"#%d%s%s%s" % (len(count), count, payload, crc16(payload).to_bytes(2, "little"))


def unblocked(element: bytes) -> bytes:
    """Give the payload of a block, without its CRC.

    Raises
    ------
    LinkError
        Where it is none, or damaged.
    """
    begin = 2 + int(element[1:2]) if re.match(rb"#[1-9]", element) else 0
    payload, crc = element[begin:-2], element[-2:]
    if not begin or crc16(payload) != int.from_bytes(crc, "little"):
        raise LinkError(
            f"a block came damaged: {element[:20]!r}..., {len(element)} bytes. Read it again; with the link check on "
            "(link.check) this is done by itself."
        )
    return payload
