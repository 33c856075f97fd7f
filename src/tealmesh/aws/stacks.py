"""CloudFormation: stacks with resources of ours are refused, before moto makes any of it.

moto would make them in its own App Mesh, ECS and Cloud Map, where nothing runs and nobody looks.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from typing import TypedDict
from urllib.parse import unquote, urlsplit

import yaml
from botocore.exceptions import BotoCoreError, ClientError

from tealmesh.model.clients import Connect
from tealmesh.model.errors import AwsError
from tealmesh.model.identity.caller import Caller

REFUSED = ("AWS::AppMesh::", "AWS::ECS::", "AWS::ServiceDiscovery::")
"""The beginnings of types that stacks cannot make here."""

_CHECKED = ("CreateStack", "UpdateStack", "CreateChangeSet", "CreateStackSet", "UpdateStackSet")
_NESTED = "AWS::CloudFormation::Stack"
_DEPTH = 5


class TemplateRequest(TypedDict, total=False):
    """The members that name a template."""

    TemplateBody: str
    TemplateURL: str


class Stacks:
    """Checks templates; all operations are moto's."""

    def __init__(self, connect: Connect, changed: Callable[[str], Awaitable[None]]) -> None:
        """``changed`` is called with a region in which a stack may have made load balancers."""
        self._connect = connect
        self._changed = changed

    async def check(self, caller: Caller, operation: str, request: TemplateRequest) -> None:
        """Raise AwsError ``ValidationError`` for a template with resources of ours."""
        if operation not in _CHECKED:
            return
        url, text = request.get("TemplateURL", ""), request.get("TemplateBody", "")
        found = await asyncio.to_thread(lambda: list(self._refused(caller.region, url, text)))
        if found:
            raise AwsError(
                "ValidationError",
                f"Template error: stacks cannot make {', '.join(found)} here: make resources of"
                " App Mesh, ECS and Cloud Map by Terraform, the AWS CLI or an SDK at this endpoint",
            )

    async def changed(self, caller: Caller) -> None:
        """Called after moto has changed a stack."""
        await self._changed(caller.region)

    def _refused(self, region: str, url: str, text: str, depth: int = 0) -> Iterator[str]:
        """The resources of ours in a template and in those of its nested stacks. Blocking."""
        if url:
            text = self._fetched(region, url)
        for name, kind, nested in resources(text):
            if kind.startswith(REFUSED):
                yield f"{name} ({kind})"
            elif kind == _NESTED and nested and depth < _DEPTH:
                yield from self._refused(region, nested, "", depth + 1)

    def _fetched(self, region: str, url: str) -> str:
        """A template in S3. Raises AwsError ``ValidationError``."""
        parts = urlsplit(url)
        path = unquote(parts.path).lstrip("/")
        bucket, _, key = path.partition("/")
        # BUCKET.s3.amazonaws.com/KEY, or a host with the bucket in the path.
        if match := re.match(r"(.+)\.s3[.-]", parts.hostname or ""):
            bucket, key = match[1], path
        try:
            answer = self._connect("s3", region).get_object(Bucket=bucket, Key=key)
            return str(answer["Body"].read().decode())
        except (BotoCoreError, ClientError, UnicodeDecodeError) as error:
            text = f"TemplateURL = {url!r} cannot be read: {error}"
            raise AwsError("ValidationError", text) from error


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Reads templates, in JSON too; the short forms of intrinsic functions become None."""


def _nothing(loader: _Loader, suffix: str, node: object) -> None:
    return None


_Loader.add_multi_constructor("!", _nothing)


def resources(text: str) -> Iterator[tuple[str, str, str]]:
    """Name and type of each resource of a template, and the TemplateURL of a nested stack if it is
    given literally. Nothing of what is not a template: CloudFormation says what is wrong with it.
    """
    try:
        template = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError:
        return
    found = template.get("Resources") if isinstance(template, dict) else None
    for name, resource in found.items() if isinstance(found, dict) else ():
        if isinstance(resource, dict):
            properties = resource.get("Properties")
            nested = properties.get("TemplateURL") if isinstance(properties, dict) else None
            kind = str(resource.get("Type"))
            yield str(name), kind, nested if isinstance(nested, str) else ""
