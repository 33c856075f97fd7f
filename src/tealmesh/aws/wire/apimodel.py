"""A service's API model as botocore publishes it.

``load_model("ecs")`` finds AWS's models in the installed botocore and our own (``tealmesh``) in
``models_path()``. A model gives the routes (which request is which operation), the protocol, and
the error codes. No botocore client is created. The model itself is JSON of botocore's format, and
botocore has no types: hence Any.

Model format: https://github.com/boto/botocore/tree/develop/botocore/data (C2J, ``service-2``);
protocols: https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html and
https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html; of the query protocol, see `query`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel

PROTOCOLS = ("json", "rest-json", "query")
"""Every model that we load has one of them; some have CBOR as well (``Model.has_cbor``)."""

_VALIDATION_CODES = {
    "appmesh": "BadRequestException",
    "cloudformation": "ValidationError",
    "ecs": "InvalidParameterException",
    "elbv2": "ValidationError",
    "resourcegroupstaggingapi": "InvalidParameterException",
    "servicediscovery": "InvalidInput",
}


def models_path() -> str:
    """The directory of our own models, for botocore's loader. As ``AWS_DATA_PATH`` it makes
    ``boto3.client("tealmesh")`` and ``aws tealmesh`` work.
    """
    return str(Path(__file__).parents[1] / "models")


@dataclass(frozen=True)
class _Route:
    method: str
    pattern: re.Pattern[str]
    operation: str


class Model:
    """One service: its operations, their shapes, routes and error shapes."""

    def __init__(self, service: str, description: dict[str, Any]) -> None:
        self.service = service
        self._model = ServiceModel(description, service)
        metadata = self._model.metadata
        protocols = metadata.get("protocols", [metadata["protocol"]])
        known = [protocol for protocol in PROTOCOLS if protocol in protocols]
        if not known:
            raise ValueError(
                f"{service}: protocol {metadata['protocol']} is not one of {PROTOCOLS}"
            )
        self.protocol: str = known[0]
        self.has_cbor = "smithy-rpc-v2-cbor" in protocols
        self.signing_name: str = metadata.get("signingName", metadata["endpointPrefix"])
        self.target_prefix: str | None = metadata.get("targetPrefix")
        self.endpoint_prefix: str = metadata["endpointPrefix"]
        self.api_version: str = metadata["apiVersion"]
        self.xml_namespace: str = metadata.get("xmlNamespace", "")
        json_version = metadata.get("jsonVersion", "1.1")
        self.content_type = (
            "application/json"
            if self.protocol == "rest-json"
            else f"application/x-amz-json-{json_version}"
        )
        self.operation_names: tuple[str, ...] = tuple(self._model.operation_names)
        self.error_shapes: dict[str, Any] = {s.error_code: s for s in self._model.error_shapes}
        self._operations: dict[str, Any] = {}
        self._routes = tuple(self._read_routes()) if self.protocol == "rest-json" else ()
        self.path_prefix = posixpath.commonpath(
            [self.operation(name).http["requestUri"] for name in self.operation_names]
        )

    def operation(self, name: str) -> Any:
        """The botocore ``OperationModel``. Raises KeyError if there is no such operation."""
        if name not in self._operations:
            if name not in self.operation_names:
                raise KeyError(name)
            self._operations[name] = self._model.operation_model(name)
        return self._operations[name]

    def route(self, method: str, path: str) -> tuple[str, dict[str, str]] | None:
        """The operation of a rest-json request and its URI labels, still percent-encoded; or
        None.
        """
        for route in self._routes:
            if route.method == method and (match := route.pattern.fullmatch(path)):
                labels = [
                    part[1:-1].rstrip("+")
                    for part in re.findall(r"{[^}]+}", self._uri(route.operation))
                ]
                return route.operation, dict(zip(labels, match.groups(), strict=True))
        return None

    @property
    def validation_code(self) -> str:
        """The error code for a request that breaks a constraint of the model."""
        known = ("ValidationException", "BadRequestException")
        ours = next((code for code in known if code in self.error_shapes), known[0])
        return _VALIDATION_CODES.get(self.service, ours)

    @property
    def fault_code(self) -> str:
        """The error code for a failure of the service itself."""
        faults = (code for code in self.error_shapes if self.error_status(code, 400) == 500)
        return next(faults, "InternalFailure")  # the common error of every AWS API

    @property
    def unavailable_code(self) -> str:
        """The error code for what will work later; its status is 503, which all SDKs retry."""
        named = (code for code in self.error_shapes if self.error_status(code, 400) == 503)
        return next(named, "ServiceUnavailable")  # the common error of every AWS API

    def error_status(self, code: str, default: int) -> int:
        """The HTTP status of an error; ``default`` for codes that the model does not have."""
        shape = self.error_shapes.get(code)
        if shape is None:
            return default
        declared = shape.metadata.get("error", {}).get("httpStatusCode")
        if declared is not None:
            return int(declared)
        # ECS declares no statuses: its server errors are marked `fault`.
        return 500 if shape._shape_model.get("fault") else 400

    def _uri(self, operation: str) -> str:
        return str(self.operation(operation).http["requestUri"]).partition("?")[0]

    def _read_routes(self) -> Iterator[_Route]:
        # Literal paths first: a label must not match what another operation spells out.
        for name in sorted(self.operation_names, key=lambda n: self._uri(n).count("{")):
            parts = re.split(r"({[^}]+})", self._uri(name))
            pattern = "".join(
                re.escape(part)
                if not part.startswith("{")
                else "(.+)"
                if part.endswith("+}")
                else "([^/]+)"
                for part in parts
            )
            yield _Route(self.operation(name).http["method"], re.compile(pattern), name)


@cache
def load_model(service: str) -> Model:
    """Read the newest model of ``service``.

    Raises ``botocore.exceptions.UnknownServiceError`` if neither botocore nor Tealmesh has it: AWS
    removes what has ended, so pyproject.toml allows only versions that have App Mesh's model.
    The user's ``~/.aws/models`` is not read: the control plane must not depend on who starts it.
    """
    return Model(service, _loader().load_service_model(service, "service-2"))


@cache
def _loader() -> Loader:
    """One for all: each lists the directories of botocore's 400 services once."""
    return Loader(
        extra_search_paths=[models_path(), Loader.BUILTIN_DATA_PATH],
        include_default_search_paths=False,
    )
