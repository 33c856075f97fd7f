"""Where secrets come from, and what their faults say."""

from __future__ import annotations

from typing import Any

import pytest

from tealmesh.engine.task.secrets import Reference, fetch, reference, without
from tealmesh.model.errors import EngineError

SSM = "arn:aws:ssm:eu-west-1:123456789012:parameter"
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf"


@pytest.mark.parametrize(
    ("value_from", "expected"),
    [
        ("name", Reference("ssm", "name")),
        ("/a/b", Reference("ssm", "/a/b")),
        (f"{SSM}/name", Reference("ssm", "name", "eu-west-1")),
        (f"{SSM}/a/b", Reference("ssm", "/a/b", "eu-west-1")),
        (SECRET, Reference("secretsmanager", SECRET, "eu-west-1")),
        (f"{SECRET}:key::", Reference("secretsmanager", SECRET, "eu-west-1", "key")),
        (
            f"{SECRET}:key:AWSPREVIOUS:",
            Reference("secretsmanager", SECRET, "eu-west-1", "key", "AWSPREVIOUS"),
        ),
        (f"{SECRET}:::v1", Reference("secretsmanager", SECRET, "eu-west-1", "", "", "v1")),
    ],
)
def test_references(value_from: str, expected: Reference) -> None:
    assert reference(value_from) == expected


@pytest.mark.parametrize("wrong", ["arn:aws:s3:::bucket/key", f"{SECRET[:40]}", "arn:"])
def test_what_is_no_reference_is_named(wrong: str) -> None:
    with pytest.raises(EngineError, match="names neither"):
        reference(wrong)


class Store:
    """Answers with one secret text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def get_parameter(self, **asked: Any) -> Any:
        return {"Parameter": {"Value": self.text}}

    def get_secret_value(self, **asked: Any) -> Any:
        return {"SecretString": self.text}


@pytest.mark.parametrize("text", ["not-json-but-secret", '{"other": "secret"}', '["secret"]'])
def test_a_missing_key_does_not_show_the_secret(text: str) -> None:
    with pytest.raises(EngineError) as caught:
        fetch([("PASSWORD", f"{SECRET}:key::")], lambda *_: Store(text))
    assert "did not contain json key key" in str(caught.value)
    assert "secret" not in str(caught.value).replace("retrieved secret", "").replace("secrets", "")
    assert caught.value.__cause__ is None


def test_parts_that_are_no_text_are_json() -> None:
    found = fetch([("PORT", f"{SECRET}:port::")], lambda *_: Store('{"port": 5432}'))
    assert found == {"PORT": "5432"}


def test_log_lines_are_told_without_the_values_of_secrets() -> None:
    secrets = {
        "PASSWORD": "hunter22",
        "LONGER": "hunter22-x",
        "PIN": "12",
        "KEY": "-----\nabcdef\n",
    }
    told = without("12 tries: hunter22-x | hunter22 | abcdef", secrets)
    assert told == "12 tries: (LONGER) | (PASSWORD) | (KEY)"
