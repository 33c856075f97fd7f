"""The ``secrets`` of containers: values from Parameter Store and Secrets Manager.

They are read when a container starts and kept in memory only: no document, log or message contains
one. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specifying-sensitive-data.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NotRequired, Protocol, TypedDict, Unpack

from tealmesh.model.errors import EngineError

_LEAST_SECRET = 4
"""Shorter values are found in any text by chance."""
_FAILED = "ResourceInitializationError: unable to pull secrets or registry auth"


@dataclass(frozen=True)
class Reference:
    """Where a value is kept."""

    service: str
    """``ssm`` or ``secretsmanager``."""
    identity: str
    """Name of the parameter, or ARN of the secret."""
    region: str = ""
    """Empty for our own."""
    json_key: str = ""
    """Member of a secret that is JSON; empty for the whole secret."""
    stage: str = ""
    """Version stage of a secret; empty for the current one."""
    version: str = ""
    """Version id of a secret; empty for the current one."""


def reference(value_from: str) -> Reference:
    """Parse a ``valueFrom``: a parameter's name or ARN, or a secret's ARN followed by
    ``:json-key:version-stage:version-id``. Raises EngineError for anything else.
    """
    if not value_from.startswith("arn:"):
        return Reference("ssm", value_from)
    parts = value_from.split(":")
    if len(parts) >= 6 and parts[2] == "ssm" and parts[5].startswith("parameter/"):
        # Names with a hierarchy begin with a slash; the ARN has that slash only once.
        name = parts[5].removeprefix("parameter")
        return Reference("ssm", name if name.count("/") > 1 else name[1:], parts[3])
    if len(parts) >= 7 and parts[2] == "secretsmanager" and parts[5] == "secret":
        key, stage, version = (*parts[7:10], "", "", "")[:3]
        return Reference("secretsmanager", ":".join(parts[:7]), parts[3], key, stage, version)
    raise EngineError(
        f"{_FAILED}: valueFrom {value_from!r} names neither a parameter of SSM nor a secret"
    )


class Parameter(TypedDict):
    """The member of ``Parameter`` that is used here."""

    Value: str


class ParameterAnswer(TypedDict):
    """The member of GetParameter's answer that is used here."""

    Parameter: Parameter


class SecretAnswer(TypedDict, total=False):
    """The member of GetSecretValue's answer that is used here."""

    SecretString: str


class ParameterRequest(TypedDict):
    """GetParameter's parameters."""

    Name: str
    WithDecryption: bool


class SecretRequest(TypedDict):
    """GetSecretValue's parameters."""

    SecretId: str
    VersionStage: NotRequired[str]
    VersionId: NotRequired[str]


class Client(Protocol):
    """The operations of boto3's clients that are used here."""

    def get_parameter(self, **request: Unpack[ParameterRequest]) -> ParameterAnswer: ...

    def get_secret_value(self, **request: Unpack[SecretRequest]) -> SecretAnswer: ...


def fetch(
    secrets: Sequence[tuple[str, str]], client: Callable[[str, str], Client]
) -> Mapping[str, str]:
    """The values of (environment variable, ``valueFrom``) pairs, by variable. ``client`` makes a
    boto3 client of a service and region. Blocks.

    Raises EngineError that names the variable and the reference, never a value.
    """
    values = {}
    for variable, value_from in secrets:
        source = reference(value_from)
        try:
            values[variable] = _value(source, client(source.service, source.region))
        except EngineError:
            raise
        except Exception as error:  # boto3's errors have no common class
            raise EngineError(f"{_FAILED}: {variable} from {value_from}: {error}") from error
    return values


def _value(source: Reference, client: Client) -> str:
    if source.service == "ssm":
        answer = client.get_parameter(Name=source.identity, WithDecryption=True)
        return answer["Parameter"]["Value"]
    request: SecretRequest = {"SecretId": source.identity}
    if source.stage:
        request["VersionStage"] = source.stage
    if source.version:
        request["VersionId"] = source.version
    secret = client.get_secret_value(**request)
    text = secret.get("SecretString", "")
    if not source.json_key:
        return text
    try:
        value = json.loads(text)[source.json_key]
    except (ValueError, RecursionError, KeyError, TypeError):
        # Not chained: the message of a JSON error shows the text.
        raise EngineError(
            f"{_FAILED}: retrieved secret did not contain json key {source.json_key}"
        ) from None
    return value if isinstance(value, str) else json.dumps(value)


def without(text: str, secrets: Mapping[str, str]) -> str:
    """A container's log lines without the values of its secrets, whose names take their place."""
    values = [
        (line, name)
        for name, value in secrets.items()
        for line in value.splitlines()
        if len(line) >= _LEAST_SECRET
    ]
    # The longest first, as one may contain another.
    for value, name in sorted(values, key=lambda one: -len(one[0])):
        text = text.replace(value, f"({name})")
    return text
