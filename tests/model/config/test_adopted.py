"""[adopted] and [terraform] of a teal.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from tealmesh.model.config.nouns import AdoptedConfig, TerraformNames
from tealmesh.model.config.parse import parse_additions
from tealmesh.model.config.strategies import Gates, Strategy
from tealmesh.model.errors import ConfigError

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "terraform" / "teal.toml"


def test_the_example() -> None:
    read = parse_additions(EXAMPLE.read_text())
    assert read.adopted == {
        "sample": AdoptedConfig("sample", strategy=Strategy("canary", (10, 50, 100)))
    }
    assert read.terraform.active == "{side}_is_active"
    assert read.terraform.ecs_service == 'aws_ecs_service.side["{side}"]'


def test_what_is_not_given_is_found_out() -> None:
    assert parse_additions("[adopted.web]").adopted == {"web": AdoptedConfig("web")}
    assert parse_additions("").terraform == TerraformNames()
    text = '[adopted."web.a.local"]\ncontainer = "c"\nroute = "r"\nclean_up = "stop"\n'
    read = parse_additions(text + '[adopted."web.a.local".gates]\napproval = true')
    gates = Gates(approval=True)
    expected = AdoptedConfig("web.a.local", "c", ("r",), "stop", gates=gates)
    assert read.adopted == {"web.a.local": expected}


def test_several_routes() -> None:
    read = parse_additions('[adopted.web]\nroute = ["http", "tcp"]').adopted
    assert read["web"].route == ("http", "tcp")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[adopted.web]\nclean_up = "keep"', "adopted.web.clean_up = 'keep': must be \"stop\""),
        ('[adopted.web]\ncontainer = ""', "adopted.web.container = ''"),
        ("[adopted.web]\nroute = []", "adopted.web.route = []: must be the name of a route, or a"),
        ("[adopted.web]\nroute = ['a', 'a']", "adopted.web.route"),
        ("[adopted.web]\nroute = ['a', 1]", "adopted.web.route"),
        ("[adopted.web]\nport = 1", "adopted.web.port"),
        ("[terraform]\nweight = 1", "terraform.weight = 1: must be a name in which {side}"),
        ('[terraform]\nweight = "{colour}_weight"', "terraform.weight"),
        ('[terraform]\nweigth = "{side}_weight"', "weight"),
    ],
)
def test_what_is_wrong_is_named(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_additions(text)
    assert words in str(error.value)
