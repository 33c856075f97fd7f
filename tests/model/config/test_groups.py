"""[groups] of a teal.toml, and depends_on of services."""

from __future__ import annotations

import pytest

from tealmesh.model.config.parse import parse_additions
from tealmesh.model.errors import ConfigError

SHOP = '[groups.shop]\nservices = ["web", "cart", "db"]\n'


def adopted(**depends_on: str) -> str:
    return "".join(f"[adopted.{name}]\ndepends_on = [{on}]\n" for name, on in depends_on.items())


def test_what_services_that_others_made_depend_on_also_through_others() -> None:
    text = '[groups.shop]\nservices = ["web", "db"]\n' + adopted(web='"cart"', cart='"db"', db="")
    group = parse_additions(text).groups["shop"]
    assert group.services == ("web", "db")
    assert group.depends_on == {"web": ("db",), "db": ()}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            SHOP + adopted(web='"cart"', cart='"db"', db='"web"'),
            "adopted.web.depends_on = ['cart']: must be without a circle: web -> cart -> db -> web",
        ),
        (SHOP + adopted(web='"crat"'), "must be different services of this file (cart, db)"),
        (SHOP + adopted(web='"web"'), "adopted.web.depends_on"),
        (SHOP + adopted(web='"db", "db"'), "adopted.web.depends_on"),
        (
            "[groups.shop]\nservices = ['web']",
            "groups.shop.services = ['web']: must be a list of 2",
        ),
        ("[groups.shop]\nservices = ['web', 'web']", "groups.shop.services"),
        ("[groups.shop]", "groups.shop.services = (not set)"),
        ("[groups.shop]\nmembers = []", "groups.shop.members"),
    ],
)
def test_what_is_wrong_is_named(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_additions(text)
    assert words in str(error.value)
