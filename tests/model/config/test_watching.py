"""The parts of a service that a teal.toml names."""

from __future__ import annotations

import pytest

from tealmesh.model.config.parse import parse
from tealmesh.model.errors import ConfigError
from tealmesh.model.traffic.parts import Part
from tests.model.config.test_parse import MINIMAL


def watch(text: str) -> tuple[Part, ...]:
    return parse(f"{MINIMAL}\n[services.web.gates]\nwatch = {text}\n").services["web"].gates.watch


def test_parts_are_read_and_have_names_for_people() -> None:
    read = watch(
        '[{ method = "post" }, { prefix = "/pay" }, { header = "X-Tenant", value = "acme" },'
        ' { method = "PUT", prefix = "/cart" }]'
    )
    assert read == (
        Part(method="POST"),
        Part(prefix="/pay"),
        Part(header="x-tenant", value="acme"),
        Part(method="PUT", prefix="/cart"),
    )
    assert [part.name for part in read] == ["POST", "/pay", "x-tenant: acme", "PUT /cart"]
    assert watch("[]") == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('"POST"', "watch = 'POST': must be a list of at most 4 different parts"),
        ("[1]", "watch[0] = 1: must be a table"),
        ('[{ method = "POST" }, { method = "post" }]', "must be a list of at most 4 different"),
        ("[" + ",".join(f'{{ prefix = "/{n}" }}' for n in range(5)) + "]", "at most 4 different"),
        ('[{ methd = "POST" }]', "did you mean method?"),
        ('[{ method = "A B" }]', "method = 'A B': must be a method, such as POST"),
        ('[{ prefix = "pay" }]', "prefix = 'pay': must be the beginning of a path"),
        ('[{ prefix = "/pay?x" }]', "must be the beginning of a path"),
        ('[{ header = "x-tenant" }]', "value = (not set): must be the whole value of the header"),
        ('[{ value = "acme" }]', "header = (not set): must be the name of a header"),
        ('[{ header = "x tenant", value = "a" }]', "header = 'x tenant': must be the name of"),
        ("[{}]", "method = (not set): must be there, or a prefix, or a header"),
    ],
)
def test_refusals_name_the_part_and_what_is_allowed(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        watch(text)
    assert message in str(refused.value)
    assert "services.web.gates" in str(refused.value)
