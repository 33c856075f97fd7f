"""Requests that are read as bytes say what protobuf reads in them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings

from tealmesh.envoy.resources import ResourceType as T
from tealmesh.xds.protocol.exchange import nonce_of
from tealmesh.xds.protocol.reading import Reader
from tealmesh.xds.protocol.variants import VARIANTS, Variant, unknown_type

TEXT = st.text(max_size=5)
NAMES = st.lists(TEXT, max_size=3)
NONCES = st.one_of(TEXT, st.integers(0, 10**9).map(nonce_of))
BOTH = pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)


@st.composite
def requests(draw: st.DrawFn, variant: Variant) -> Any:
    message: Any = variant.message()
    message.type_url = draw(st.sampled_from([*T, "other", ""]))
    message.response_nonce = draw(NONCES)
    message.node.id = draw(TEXT)
    if not draw(st.booleans()):
        message.ClearField("node")
    if draw(st.booleans()):
        message.error_detail.message = draw(st.one_of(TEXT, NONCES))
    if variant.delta:
        message.resource_names_subscribe.extend(draw(NAMES))
        message.resource_names_unsubscribe.extend(draw(NAMES))
        message.initial_resource_versions.update(draw(st.dictionaries(TEXT, TEXT, max_size=2)))
    else:
        message.resource_names.extend(draw(NAMES))
        message.version_info = draw(TEXT)
    return message


def check(reader: Reader, variant: Variant, data: bytes) -> None:
    try:
        message = variant.message.FromString(data)
    except DecodeError:
        with pytest.raises(DecodeError):
            reader.read(data)
        return
    heard, nonce = reader.read(data)
    expected = variant.parse(message)
    assert nonce == expected.nonce
    assert replace(heard.request, nonce=nonce) == expected
    assert (heard.type_url, heard.node_id) == (message.type_url, message.node.id)
    assert heard.wrong == unknown_type(message)


@BOTH
@given(data=st.data())
@settings(deadline=None)
def test_a_request_says_what_protobuf_reads(variant: Variant, data: st.DataObject) -> None:
    reader = Reader(variant)
    given_ = [one.SerializeToString() for one in data.draw(st.lists(requests(variant), max_size=5))]
    # Parts of messages are often none, or others.
    parts = [one[: data.draw(st.integers(0, len(one)))] for one in given_]
    for one in (*given_, *parts, *given_):
        check(reader, variant, one)


@BOTH
def test_acknowledgements_that_differ_in_their_nonce_are_read_once(variant: Variant) -> None:
    reader = Reader(variant)
    for number in range(1000):
        message = variant.message(type_url=T.ROUTE.value, response_nonce=nonce_of(number))
        assert reader.read(message.SerializeToString())[1] == nonce_of(number)
    assert reader.decoded == 1


@BOTH
def test_what_ends_like_a_nonce_but_is_a_name_stays_a_name(variant: Variant) -> None:
    field = variant.message.DESCRIPTOR.fields_by_name["response_nonce"].number
    name = (bytes((field << 3 | 2, 8)) + b"12345678").decode()
    names = {"resource_names_subscribe" if variant.delta else "resource_names": [name]}
    message = variant.message(**names)
    heard, nonce = Reader(variant).read(message.SerializeToString())
    assert (nonce, heard.request.subscribe + heard.request.names) == ("", (name,))
