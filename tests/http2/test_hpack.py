"""Headers are decoded as RFC 7541 says, and whatever else comes is refused."""

from __future__ import annotations

import contextlib

import hypothesis.strategies as st
import pytest
from hypothesis import given

from tealmesh.http2 import hpack, huffman

# https://www.rfc-editor.org/rfc/rfc7541#appendix-C.4 and C.6, the blocks of one connection each.
REQUESTS = [
    ("828684418cf1e3c2e5f23a6ba0ab90f4ff", {":path": "/", ":authority": "www.example.com"}),
    ("828684be5886a8eb10649cbf", {"cache-control": "no-cache", ":authority": "www.example.com"}),
    (
        "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
        {":scheme": "https", ":path": "/index.html", "custom-key": "custom-value"},
    ),
]
TEXT = st.binary(max_size=300)


def test_the_examples_of_the_standard() -> None:
    decoder = hpack.Decoder(10_000)
    for block, expected in REQUESTS:
        found = {
            name.decode(): value.decode() for name, value in decoder.decode(bytes.fromhex(block))
        }
        assert found.items() >= expected.items()


@given(TEXT)
def test_a_text_is_read_as_it_was_packed(text: bytes) -> None:
    codes, number, bits = huffman.codes(), 0, 0
    for byte in text:
        code, length = codes[byte]
        number, bits = number << length | code, bits + length
    padding = -bits % 8
    packed = (number << padding | (1 << padding) - 1).to_bytes((bits + padding) // 8)
    assert huffman.decoded(packed) == text


@given(st.lists(st.tuples(TEXT, TEXT), max_size=5))
def test_what_is_sent_is_read(headers: list[tuple[bytes, bytes]]) -> None:
    assert hpack.Decoder(100_000).decode(hpack.encoded(headers)) == headers


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_anything_else_is_refused(blocks: list[bytes]) -> None:
    decoder = hpack.Decoder(1000)
    for block in blocks:
        with contextlib.suppress(ValueError, hpack.TooLarge):
            found = decoder.decode(block)
            assert sum(len(n) + len(v) + 32 for n, v in found) <= 1000
    assert sum(len(n) + len(v) + 32 for n, v in decoder._table) == decoder._size <= 4096


@pytest.mark.parametrize(
    "block",
    [
        "80",  # the header without a number
        "ff808080808010",  # a number that is too large
        "be",  # one that was never kept
        "3fe2ff01",  # a table that is larger than what was allowed
        "82" + "20",  # a change of the table's size after a header
        "0085",  # a text that does not end
        "0081fe00",  # padding that is no end
    ],
)
def test_what_is_malformed(block: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        hpack.Decoder(1000).decode(bytes.fromhex(block))


def test_many_references_to_a_large_header_take_no_memory() -> None:
    decoder = hpack.Decoder(16_384)
    decoder.decode(b"\x40" + hpack.encoded([(b"x", b"v" * 4000)])[1:])  # kept
    with pytest.raises(hpack.TooLarge):
        decoder.decode(b"\xbe" * 60_000)
