"""What `teal serve` does not make at AWS."""

from __future__ import annotations

import pytest

from tealmesh.app.parts.elsewhere import at_aws


@pytest.mark.parametrize(
    ("endpoint", "aws"),
    [
        ("", True),
        ("https://ecs.eu-central-1.amazonaws.com", True),
        ("https://vpce-1.ecs.eu-central-1.vpce.amazonaws.com:443/", True),
        ("https://ecs.cn-north-1.amazonaws.com.cn", True),
        ("http://127.0.0.1:4566", False),
        ("https://amazonaws.com.example.org", False),
    ],
)
def test_an_endpoint_is_aws_s_or_a_teal_up_s(endpoint: str, aws: bool) -> None:
    assert at_aws(endpoint) is aws
