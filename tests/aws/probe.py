"""A small rest-json API with every location and type, including those App Mesh does not use."""

from __future__ import annotations

from typing import Any

from tealmesh.aws.wire.apimodel import Model


def _member(shape: str, location: str = "", name: str = "") -> dict[str, Any]:
    member: dict[str, Any] = {"shape": shape}
    return (
        member
        | ({"location": location} if location else {})
        | ({"locationName": name} if name else {})
    )


DESCRIPTION: dict[str, Any] = {
    "metadata": {
        "apiVersion": "2026-01-01",
        "endpointPrefix": "probe",
        "protocol": "rest-json",
        "serviceId": "Probe",
        "signatureVersion": "v4",
        "uid": "probe",
    },
    "operations": {
        "PutThing": {
            "name": "PutThing",
            "http": {"method": "PUT", "requestUri": "/p/things/{id}", "responseCode": 202},
            "input": {"shape": "Thing"},
            "output": {"shape": "Thing"},
            "errors": [{"shape": "Teapot"}, {"shape": "Broken"}],
        },
        "PutAll": {
            "name": "PutAll",
            "http": {"method": "PUT", "requestUri": "/p/things/all"},
        },
        "GetFile": {
            "name": "GetFile",
            "http": {"method": "GET", "requestUri": "/p/files/{path+}"},
            "input": {"shape": "File"},
        },
    },
    "shapes": {
        "Thing": {
            "type": "structure",
            "required": ["id"],
            "members": {
                "id": _member("Name", "uri", "id"),
                "flags": _member("Booleans", "querystring", "flag"),
                "words": _member("Names", "querystring", "word"),
                "since": _member("Time", "querystring", "since"),
                "size": _member("Long", "querystring", "size"),
                "ratio": _member("Double", "querystring", "ratio"),
                "trace": _member("Name", "header", "X-Trace"),
                "deep": _member("Boolean", "header", "X-Deep"),
                "blob": _member("Blob"),
                "when": _member("Time", "", "At"),
                "share": _member("Double"),
                "secret": _member("Secret"),
                "inner": _member("Thing2"),
                "labels": _member("Labels"),
            },
        },
        "Thing2": {
            "type": "structure",
            "members": {"again": _member("Thing2"), "names": _member("Names")},
        },
        "File": {"type": "structure", "members": {"path": _member("Name", "uri", "path")}},
        "Teapot": {
            "type": "structure",
            "members": {"Message": _member("Name"), "since": _member("Time")},
            "error": {"httpStatusCode": 418},
            "exception": True,
        },
        "Broken": {"type": "structure", "members": {}, "exception": True, "fault": True},
        "Name": {"type": "string", "max": 60},
        "Secret": {"type": "string", "pattern": "[a-z]*", "max": 9, "sensitive": True},
        "Boolean": {"type": "boolean"},
        "Long": {"type": "long"},
        "Double": {"type": "double"},
        "Time": {"type": "timestamp"},
        "Blob": {"type": "blob", "max": 12},
        "Booleans": {"type": "list", "member": {"shape": "Boolean"}},
        "Names": {"type": "list", "member": {"shape": "Name"}},
        "Labels": {
            "type": "map",
            "key": {"shape": "Secret"},
            "value": {"shape": "Name"},
            "max": 2,
        },
    },
}

PROBE = Model("probe", DESCRIPTION)
