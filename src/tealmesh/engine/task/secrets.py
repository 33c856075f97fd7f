"""The ``secrets`` of containers: values from SSM and Secrets Manager, by way of our own port.

They are read when a container starts and kept in memory only: no document, log or message has
them. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specifying-sensitive-data.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tealmesh.model.errors import EngineError

_FAILED = "ResourceInitializationError: unable to pull secrets or registry auth"


@dataclass(frozen=True)
class Reference:
    """Where a value is: a parameter of SSM (``service`` "ssm"), or a secret of Secrets Manager,
    of which ``json_key``, ``stage`` and ``version`` may choose a part.
    """

    service: str
    identity: str
    region: str = ""
    json_key: str = ""
    stage: str = ""
    version: str = ""


def reference(value_from: str) -> Reference:
    """What a ``valueFrom`` names: a parameter's name or ARN, or a secret's ARN with
    ``:json-key:version-stage:version-id`` behind it. Raises EngineError when it is none.
    """
    if not value_from.startswith("arn:"):
        return Reference("ssm", value_from)
    parts = value_from.split(":")
    if len(parts) >= 6 and parts[2] == "ssm" and parts[5].startswith("parameter/"):
        # By name: Parameter Store's hierarchy begins with a slash, which the ARN has not twice.
        name = parts[5].removeprefix("parameter")
        return Reference("ssm", name if name.count("/") > 1 else name[1:], parts[3])
    if len(parts) >= 7 and parts[2] == "secretsmanager" and parts[5] == "secret":
        key, stage, version = (*parts[7:10], "", "", "")[:3]
        return Reference("secretsmanager", ":".join(parts[:7]), parts[3], key, stage, version)
    raise EngineError(
        f"{_FAILED}: valueFrom {value_from!r} names neither a parameter of SSM nor a secret"
    )


class Client(Protocol):
    """The operations of boto3 clients that are used here."""

    def get_parameter(self, **kwargs: Any) -> Any: ...
    def get_secret_value(self, **kwargs: Any) -> Any: ...


def fetch(
    secrets: Sequence[tuple[str, str]], client: Callable[[str, str], Client]
) -> Mapping[str, str]:
    """The values by environment variable. ``client``: makes one of a service and region. Blocks.

    Raises EngineError that names the variable and the reference, never a value.
    """
    found = {}
    for name, value_from in secrets:
        wanted = reference(value_from)
        try:
            found[name] = _value(wanted, client(wanted.service, wanted.region))
        except EngineError:
            raise
        except Exception as error:  # boto3 has no common class for all that can go wrong
            raise EngineError(f"{_FAILED}: {name} from {value_from}: {error}") from error
    return found


def _value(wanted: Reference, client: Client) -> str:
    if wanted.service == "ssm":
        answer = client.get_parameter(Name=wanted.identity, WithDecryption=True)
        return str(answer["Parameter"]["Value"])
    chosen = {"VersionStage": wanted.stage, "VersionId": wanted.version}
    options = {member: value for member, value in chosen.items() if value}
    answer = client.get_secret_value(SecretId=wanted.identity, **options)
    text = str(answer.get("SecretString", ""))
    if not wanted.json_key:
        return text
    try:
        value = json.loads(text)[wanted.json_key]
    except (ValueError, KeyError, TypeError):
        # Not chained: the message of a JSON error shows the text.
        raise EngineError(
            f"{_FAILED}: retrieved secret did not contain json key {wanted.json_key}"
        ) from None
    return value if isinstance(value, str) else json.dumps(value)
