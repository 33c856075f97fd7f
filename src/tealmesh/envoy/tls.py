"""TLS between Envoys: App Mesh's certificates, trust and policies as Envoy's.

Every certificate and every trusted authority is a secret (SDS), never inlined in a listener or
cluster: Envoy then takes a renewed one without draining a connection. Where a secret comes from:

* **file**: over ADS, as paths in the sidecar's own filesystem. Envoy reads the files, watches
  their directories, and reads them again when one is moved into place.
* **sds**: from the socket that APPMESH_SDS_SOCKET_PATH names (`bootstrap.SDS_CLUSTER`); we never
  see it.
* **acm**: over ADS, with its content, which `app` has from ACM (`MeshSnapshot.material`).

https://docs.aws.amazon.com/app-mesh/latest/userguide/tls.html
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from envoy.config.core.v3 import base_pb2, config_source_pb2
from envoy.extensions.transport_sockets.tls.v3 import common_pb2, secret_pb2, tls_pb2
from envoy.type.matcher.v3 import string_pb2

from tealmesh.envoy import discovery
from tealmesh.envoy.protos import Spec, ads, packed
from tealmesh.envoy.resources import Resource, encode
from tealmesh.envoy.services import Service
from tealmesh.model.certificates import Material
from tealmesh.model.mesh import MeshResource

SDS_CLUSTER = "static_cluster_sds_unix_socket"
"""The bootstrap's cluster for the local secret service, by the name that App Mesh gave it."""

_SOCKET = "envoy.transport_sockets.tls"
_ALPN = {"http": ("http/1.1",), "http2": ("h2",), "grpc": ("h2",)}
_SAN = common_pb2.SubjectAltNameMatcher.SanType


@dataclass(frozen=True)
class Secret:
    """A certificate with its key (``kind`` "certificate") or trusted authorities ("trust").

    ``source`` is file, sds, acm (a certificate's ARN; as trust: the root that it chains up to) or
    acm-pca; ``values`` are paths, the secret's name, or ARNs.
    """

    kind: str
    source: str
    values: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name that Envoy asks for: for a local secret service it is the user's own."""
        if self.source == "sds":
            return self.values[0]
        return ":".join((self.kind, self.source, *self.values))

    @property
    def ours(self) -> bool:
        """Whether it comes over ADS."""
        return self.source != "sds"


@dataclass(frozen=True)
class Termination:
    """TLS at a listener. ``permissive`` takes plaintext beside it; with ``trust`` a client has to
    show a certificate, with ``names`` one that has one of these names.
    """

    certificate: Secret
    permissive: bool
    trust: Secret | None = None
    names: tuple[str, ...] = ()

    @property
    def secrets(self) -> tuple[Secret, ...]:
        return (self.certificate, self.trust) if self.trust else (self.certificate,)


@dataclass(frozen=True)
class Origination:
    """TLS towards a listener: without ``trust`` any certificate will do."""

    certificate: Secret | None = None
    trust: Secret | None = None
    names: tuple[str, ...] = ()
    server_name: str = ""

    @property
    def secrets(self) -> tuple[Secret, ...]:
        return tuple(one for one in (self.certificate, self.trust) if one)


def termination(listener: Spec) -> Termination | None:
    """The TLS of a VirtualNode's or VirtualGateway's listener; None where it has none.

    https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_ListenerTls.html
    """
    tls = listener.get("tls") or {}
    if tls.get("mode", "DISABLED") == "DISABLED":
        return None
    validation = tls.get("validation") or {}
    return Termination(
        certificate=_certificate(tls["certificate"]),
        permissive=tls["mode"] == "PERMISSIVE",
        trust=_trust(validation.get("trust") or {}),
        names=_names(validation),
    )


def client_policies(caller: Spec, services: Iterable[Service]) -> dict[str, Spec]:
    """The client policy (ClientPolicyTls) of a node or gateway for each node that it reaches.

    A backend's own comes before the default. A node behind several services has one cluster, as
    in App Mesh: of the policies of their own the first by the service's name holds there.
    https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_ClientPolicyTls.html
    """
    default = _client_policy(caller.get("backendDefaults") or {})
    backends = (one["virtualService"] for one in caller.get("backends", ()))
    own = {one["virtualServiceName"]: _client_policy(one) for one in backends}
    found: dict[str, Spec] = {}
    for service in services:
        policy = own.get(service.resource.name)
        if policy is not None:
            for node in service.nodes:
                found.setdefault(node.name, policy)
    if default is not None:
        for service in services:
            for node in service.nodes:
                found.setdefault(node.name, default)
    return found


def _client_policy(holder: Spec) -> Spec | None:
    policy: Spec | None = (holder.get("clientPolicy") or {}).get("tls")
    return policy


def origination(policy: Spec | None, node: MeshResource, port: int) -> Origination | None:
    """How a caller with ``policy`` reaches ``node``'s listener at ``port``; None for plaintext.

    A policy that is enforced and holds for the port decides alone. Otherwise the listener does;
    a policy for the port that is merely not enforced still says what is trusted.
    """
    listener = discovery.listener(node, port) or {}
    server = termination(listener)
    discovered = _discovered_name(node)
    expected = (discovered,) if discovered else ()
    if policy is not None and port in (policy.get("ports") or (port,)):
        if not policy.get("enforce", True) and server is None:
            return None
        validation = policy["validation"]
        certificate = policy.get("certificate")
        return Origination(
            certificate=_certificate(certificate) if certificate else None,
            trust=_trust(validation["trust"]),
            names=_names(validation) or expected,
            server_name=discovered,
        )
    if server is None:
        return None
    if server.certificate.source == "acm":
        root = Secret("trust", "acm", server.certificate.values)
        return Origination(trust=root, names=expected, server_name=discovered)
    return Origination(server_name=discovered)


def upstream_socket(client: Origination, protocol: str) -> Any:
    """The transport socket of a cluster."""
    context = tls_pb2.UpstreamTlsContext(sni=client.server_name)
    common = context.common_tls_context
    _fill(common, client.certificate, client.trust, client.names, protocol)
    return base_pb2.TransportSocket(name=_SOCKET, typed_config=packed(context))


def downstream_socket(server: Termination, protocol: str) -> Any:
    """The transport socket of a filter chain."""
    context = tls_pb2.DownstreamTlsContext()
    _fill(context.common_tls_context, server.certificate, server.trust, server.names, protocol)
    context.require_client_certificate.value = server.trust is not None
    return base_pb2.TransportSocket(name=_SOCKET, typed_config=packed(context))


def references(secrets: Iterable[Secret]) -> list[str]:
    """The names of those that come over ADS."""
    return [one.name for one in secrets if one.ours]


def secret(wanted: Secret, material: tuple[Material, ...]) -> Resource:
    """The secret as it is sent; ``material`` is what ACM has of its ARNs, in their order."""
    message = secret_pb2.Secret(name=wanted.name)
    if wanted.kind == "certificate":
        certificate = message.tls_certificate
        if wanted.source == "file":
            certificate.certificate_chain.filename, certificate.private_key.filename = wanted.values
        else:
            certificate.certificate_chain.inline_string = material[0].chain
            certificate.private_key.inline_string = material[0].key
    elif wanted.source == "file":
        message.validation_context.trusted_ca.filename = wanted.values[0]
    else:
        roots = "".join(one.root for one in material)
        message.validation_context.trusted_ca.inline_string = roots
    return encode(wanted.name, message)


def arns(wanted: Secret) -> tuple[str, ...]:
    """The ARNs whose material the secret needs."""
    return wanted.values if wanted.source in ("acm", "acm-pca") else ()


def arns_of_specs(specs: Iterable[Spec]) -> Iterator[tuple[str, str]]:
    """(path of the field, ARN) of everything in VirtualNode and VirtualGateway specs that is kept
    in ACM or its private certificate authorities.
    """
    for spec in specs:
        for index, listener in enumerate(spec.get("listeners", ())):
            server = termination(listener)
            if server is not None and server.certificate.source == "acm":
                at = f"listeners[{index}].tls.certificate.acm.certificateArn"
                yield at, server.certificate.values[0]
        for at, holder in _policy_holders(spec):
            validation = ((holder.get("clientPolicy") or {}).get("tls") or {}).get("validation")
            trust = (validation or {}).get("trust") or {}
            authorities = (trust.get("acm") or {}).get("certificateAuthorityArns", ())
            member = f"{at}clientPolicy.tls.validation.trust.acm.certificateAuthorityArns"
            for index, arn in enumerate(authorities):
                yield f"{member}[{index}]", arn


def _policy_holders(spec: Spec) -> Iterator[tuple[str, Spec]]:
    yield "backendDefaults.", spec.get("backendDefaults") or {}
    for index, backend in enumerate(spec.get("backends", ())):
        yield f"backends[{index}].virtualService.", backend["virtualService"]


def _certificate(spec: Mapping[str, Any]) -> Secret:
    if "file" in spec:
        file = spec["file"]
        return Secret("certificate", "file", (file["certificateChain"], file["privateKey"]))
    if "sds" in spec:
        return Secret("certificate", "sds", (spec["sds"]["secretName"],))
    return Secret("certificate", "acm", (spec["acm"]["certificateArn"],))


def _trust(spec: Mapping[str, Any]) -> Secret | None:
    if "file" in spec:
        return Secret("trust", "file", (spec["file"]["certificateChain"],))
    if "sds" in spec:
        return Secret("trust", "sds", (spec["sds"]["secretName"],))
    if "acm" in spec:
        return Secret("trust", "acm-pca", tuple(spec["acm"]["certificateAuthorityArns"]))
    return None


def _names(validation: Spec) -> tuple[str, ...]:
    match = (validation.get("subjectAlternativeNames") or {}).get("match") or {}
    return tuple(match.get("exact") or ())


def _discovered_name(node: MeshResource) -> str:
    """The name that a server's certificate must have unless the caller's policy names others."""
    found = discovery.service_discovery(node)
    if "dns" in found:
        return str(found["dns"]["hostname"])
    cloud_map = found.get("awsCloudMap")
    return f"{cloud_map['serviceName']}.{cloud_map['namespaceName']}" if cloud_map else ""


def _fill(
    common: Any,
    certificate: Secret | None,
    trust: Secret | None,
    names: Iterable[str],
    protocol: str,
) -> None:
    common.alpn_protocols.extend(_ALPN.get(protocol, ()))
    if certificate is not None:
        common.tls_certificate_sds_secret_configs.append(_sds_config(certificate))
    if trust is not None:
        combined = common.combined_validation_context
        combined.validation_context_sds_secret_config.CopyFrom(_sds_config(trust))
        combined.default_validation_context.SetInParent()
        matchers = [matcher for name in names for matcher in _name_matchers(name)]
        combined.default_validation_context.match_typed_subject_alt_names.extend(matchers)


def _name_matchers(name: str) -> Iterator[Any]:
    """App Mesh takes names as FQDN or URI. Envoy wants the type, and compares DNS names as TLS
    does: a certificate's wildcard stands for one label.
    """
    kinds = [_SAN.URI if "://" in name else _SAN.DNS]
    try:
        ipaddress.ip_address(name)
        kinds.append(_SAN.IP_ADDRESS)
    except ValueError:
        pass
    for kind in kinds:
        matcher = string_pb2.StringMatcher(exact=name)
        yield common_pb2.SubjectAltNameMatcher(san_type=kind, matcher=matcher)


def _sds_config(wanted: Secret) -> Any:
    source = ads() if wanted.ours else _local_service()
    return secret_pb2.SdsSecretConfig(name=wanted.name, sds_config=source)


def _local_service() -> Any:
    source = config_source_pb2.ConfigSource(resource_api_version=config_source_pb2.ApiVersion.V3)
    api = source.api_config_source
    api.api_type = config_source_pb2.ApiConfigSource.ApiType.GRPC
    api.transport_api_version = config_source_pb2.ApiVersion.V3
    api.grpc_services.add().envoy_grpc.cluster_name = SDS_CLUSTER
    return source
