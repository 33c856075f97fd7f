"""The Huffman code of headers. Pure.

https://www.rfc-editor.org/rfc/rfc7541#appendix-B: a canonical code, so the lengths say it all. It
is read four bits at a time, by a table that is made when it is first needed.
"""

from __future__ import annotations

from functools import cache

# fmt: off
_LENGTHS = (
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
)
"""Bits of each byte's code; the last one is that of the end, which never occurs as a whole."""
# fmt: on
_END = 256
_MOST_PADDING = 7

_Row = tuple[tuple[int, int], ...]
"""By the next four bits: the state after them, and the byte that they end, or -1."""


def decoded(data: bytes) -> bytes:
    """The text. Raises ValueError if it is no code, or not padded as it must be."""
    table, accepting = _table()
    state, found = 0, bytearray()
    for byte in data:
        for four in (byte >> 4, byte & 15):
            state, symbol = table[state][four]
            if state < 0:
                raise ValueError("no Huffman code")
            if symbol >= 0:
                found.append(symbol)
    if state not in accepting:
        raise ValueError("a Huffman code without its end")
    return bytes(found)


def codes() -> dict[int, tuple[int, int]]:
    """The code of each byte, and of the end: its bits as a number, and how many."""
    made: dict[int, tuple[int, int]] = {}
    code, length = 0, 0
    for symbol in sorted(range(_END + 1), key=lambda one: (_LENGTHS[one], one)):
        code <<= _LENGTHS[symbol] - length
        length = _LENGTHS[symbol]
        made[symbol] = (code, length)
        code += 1
    return made


@cache
def _table() -> tuple[list[_Row], frozenset[int]]:
    """Rows by state, which is a node of the code's tree, and the states in which a text may end:
    after fewer than eight bits of the end's code.
    """
    children: list[list[int]] = [[0, 0]]
    leaves: dict[int, int] = {}
    accepting = {0}
    for symbol, (code, length) in codes().items():
        node = 0
        for place in range(length - 1, -1, -1):
            bit = code >> place & 1
            if not children[node][bit]:
                children[node][bit] = len(children)
                children.append([0, 0])
            node = children[node][bit]
            if symbol == _END and length - place <= _MOST_PADDING:
                accepting.add(node)
        leaves[node] = symbol
    rows = [tuple(_after(children, leaves, node, four) for four in range(16))
            for node in range(len(children))]  # fmt: skip
    return rows, frozenset(accepting)


def _after(
    children: list[list[int]], leaves: dict[int, int], node: int, four: int
) -> tuple[int, int]:
    symbol = -1
    for place in (3, 2, 1, 0):
        if node in leaves:
            return -1, -1
        node = children[node][four >> place & 1]
        if node in leaves:
            if leaves[node] == _END:
                return -1, -1
            symbol, node = leaves[node], 0
    return node, symbol
