"""How an Envoy proves who it is: a token in a file, put into the requests to its control plane.

The token is in no argument or variable, and in no bootstrap but those of Envoys that know no other
way (`version.injects`): their dumps show it. For all others a filter of the control plane's cluster
takes it from a secret file and adds it to each request; Envoy shows it as ``[redacted]``, and uses
a file that takes the present one's place (renamed) from the next stream on.
https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/credential_injector_filter
"""

from __future__ import annotations

from tealmesh.envoy.bootstrap.environment import Json
from tealmesh.model.identity.envoys import SCHEME

_SECRET = "tealmesh-identity"  # noqa: S105 - its name
_TYPE = "type.googleapis.com/envoy.extensions"


def token_secret(token: str) -> dict[str, Json]:
    """What is in the file, ready for ``json.dumps``: keep it to yourself (0600)."""
    secret: Json = {
        "@type": f"{_TYPE}.transport_sockets.tls.v3.Secret",
        "name": _SECRET,
        "generic_secret": {"secret": {"inline_string": f"{SCHEME}{token}"}},
    }
    return {"resources": [secret]}


def stated(token: str) -> Json:
    """The metadata that sends the token itself with each stream: a HeaderValue of Envoy."""
    return {"key": "authorization", "value": f"{SCHEME}{token}"}


def injected(token_file: str) -> list[Json]:
    """The HTTP filters that send the token in a file, the last one being Envoy's own."""
    source: Json = {"path_config_source": {"path": token_file}, "resource_api_version": "V3"}
    generic: Json = {
        "@type": f"{_TYPE}.http.injected_credentials.generic.v3.Generic",
        "credential": {"name": _SECRET, "sds_config": source},
    }
    credential: Json = {
        "name": "envoy.http.injected_credentials.generic",
        "typed_config": generic,
    }
    injector: Json = {
        "@type": f"{_TYPE}.filters.http.credential_injector.v3.CredentialInjector",
        "overwrite": True,
        "credential": credential,
    }
    codec: Json = {"@type": f"{_TYPE}.filters.http.upstream_codec.v3.UpstreamCodec"}
    return [
        {"name": "envoy.filters.http.credential_injector", "typed_config": injector},
        {"name": "envoy.filters.http.upstream_codec", "typed_config": codec},
    ]
