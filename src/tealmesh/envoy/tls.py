"""TLS between Envoys: App Mesh's certificates, trust and policies as Envoy's.

Every certificate and every trusted authority is a secret (SDS), never inlined in a listener or
cluster: Envoy can then take a renewed one without draining connections. A secret comes from:

* **file**: over ADS, as paths in the sidecar's own filesystem. Envoy reads the files, watches
  their directories, and reads them again when one is moved into place.
* **sds**: from the socket that APPMESH_SDS_SOCKET_PATH names (`SDS_CLUSTER`); we never see it.
* **acm**: over ADS, with its content, which was fetched from ACM (`MeshSnapshot.material`).

https://docs.aws.amazon.com/app-mesh/latest/userguide/tls.html
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from envoy.config.core.v3 import base_pb2, config_source_pb2
from envoy.extensions.transport_sockets.tls.v3 import common_pb2, secret_pb2, tls_pb2
from envoy.type.matcher.v3 import string_pb2

from tealmesh.envoy import discovery
from tealmesh.envoy.protos import ads, packed
from tealmesh.envoy.resources import Resource, encode
from tealmesh.envoy.services import Service
from tealmesh.model.certificates import Material

if TYPE_CHECKING:
    from tealmesh.envoy.specs import (
        Backend,
        BackendDefaults,
        ClientCertificate,
        ClientPolicyTls,
        ClientTrust,
        ClientValidation,
        ListenerTls,
        ServerCertificate,
        ServerTrust,
        ServerValidation,
    )
    from tealmesh.model.appmesh import VirtualGatewaySpec, VirtualNodeSpec
    from tealmesh.model.mesh import VirtualNode

SDS_CLUSTER = "static_cluster_sds_unix_socket"
"""The bootstrap's cluster for the local secret service; the name is App Mesh's."""

_SOCKET = "envoy.transport_sockets.tls"
_ALPN = {"http": ("http/1.1",), "http2": ("h2",), "grpc": ("h2",)}
_SAN = common_pb2.SubjectAltNameMatcher.SanType


@dataclass(frozen=True)
class Secret:
    """A certificate with its key, or trusted authorities."""

    kind: Literal["certificate", "trust"]

    source: Literal["file", "sds", "acm", "acm-pca"]
    """``acm`` as trust: the root that the certificate chains up to."""

    values: tuple[str, ...]
    """Paths, the secret's name, or ARNs."""

    @property
    def name(self) -> str:
        """The name that Envoy asks for; in a local secret service the user chose it."""
        if self.source == "sds":
            return self.values[0]
        return ":".join((self.kind, self.source, *self.values))

    @property
    def ours(self) -> bool:
        """Whether it comes over ADS."""
        return self.source != "sds"


@dataclass(frozen=True)
class Termination:
    """TLS at a listener."""

    certificate: Secret

    permissive: bool
    """Whether plaintext is accepted too."""

    trust: Secret | None = None
    """Clients must show a certificate of these authorities; None: they need none."""

    names: tuple[str, ...] = ()
    """The client's certificate must have one of these names; empty for any."""

    @property
    def secrets(self) -> tuple[Secret, ...]:
        return (self.certificate, self.trust) if self.trust else (self.certificate,)


@dataclass(frozen=True)
class Origination:
    """TLS towards a listener."""

    certificate: Secret | None = None
    """What the caller shows; None for nothing."""

    trust: Secret | None = None
    """The server's certificate must be of these authorities; None accepts any."""

    names: tuple[str, ...] = ()
    """The server's certificate must have one of these names; empty for any."""

    server_name: str = ""
    """The name that the caller asks for (SNI)."""

    @property
    def secrets(self) -> tuple[Secret, ...]:
        return tuple(one for one in (self.certificate, self.trust) if one)


def termination(tls: ListenerTls | None) -> Termination | None:
    """From the ``tls`` of a virtual node's or gateway's listener; None for plaintext.

    https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_ListenerTls.html
    """
    if tls is None or tls["mode"] == "DISABLED":
        return None
    validation = tls.get("validation")
    return Termination(
        certificate=_server_certificate(tls["certificate"]),
        permissive=tls["mode"] == "PERMISSIVE",
        trust=_local_trust(validation["trust"]) if validation else None,
        names=_names(validation) if validation else (),
    )


def client_policies(
    caller: VirtualNodeSpec | VirtualGatewaySpec, services: Iterable[Service]
) -> dict[str, ClientPolicyTls]:
    """The client policy of a node or gateway for each node that it reaches, by the node's name.

    A backend's own policy comes before the default. As in App Mesh, a node behind several services
    has one cluster: if several of them have a policy of their own, the first by name decides.
    https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_ClientPolicyTls.html
    """
    default = _client_policy(caller.get("backendDefaults") or {})
    own = {one["virtualServiceName"]: _client_policy(one) for one in _backends(caller)}
    policies: dict[str, ClientPolicyTls] = {}
    for service in services:
        policy = own.get(service.resource.name)
        if policy is not None:
            for node in service.nodes:
                policies.setdefault(node.name, policy)
    if default is not None:
        for service in services:
            for node in service.nodes:
                policies.setdefault(node.name, default)
    return policies


def _backends(caller: VirtualNodeSpec | VirtualGatewaySpec) -> list[Backend]:
    """The virtual services that a node calls; a gateway's spec has no such member."""
    backends = cast("VirtualNodeSpec", caller).get("backends", ())
    return [one["virtualService"] for one in backends]


def _client_policy(holder: BackendDefaults | Backend) -> ClientPolicyTls | None:
    return (holder.get("clientPolicy") or {}).get("tls")


def origination(policy: ClientPolicyTls | None, node: VirtualNode, port: int) -> Origination | None:
    """How a caller with ``policy`` reaches ``node``'s listener at ``port``; None for plaintext.

    A policy that covers the port and is enforced decides alone. Otherwise the listener decides
    whether there is TLS; a policy that covers the port without being enforced still says whom to
    trust.
    """
    server = termination(discovery.own_listener(node, port).get("tls"))
    discovered = _discovered_name(node)
    expected = (discovered,) if discovered else ()
    if policy is not None and port in (policy.get("ports") or (port,)):
        if not policy.get("enforce", True) and server is None:
            return None
        validation = policy["validation"]
        certificate = policy.get("certificate")
        return Origination(
            certificate=_local_certificate(certificate) if certificate else None,
            trust=_client_trust(validation["trust"]),
            names=_names(validation) or expected,
            server_name=discovered,
        )
    if server is None:
        return None
    if server.certificate.source == "acm":
        root = Secret("trust", "acm", server.certificate.values)
        return Origination(trust=root, names=expected, server_name=discovered)
    return Origination(server_name=discovered)


def upstream_socket(client: Origination, protocol: str) -> base_pb2.TransportSocket:
    """The transport socket of a cluster."""
    context = tls_pb2.UpstreamTlsContext(sni=client.server_name)
    common = context.common_tls_context
    _fill(common, client.certificate, client.trust, client.names, protocol)
    return base_pb2.TransportSocket(name=_SOCKET, typed_config=packed(context))


def downstream_socket(server: Termination, protocol: str) -> base_pb2.TransportSocket:
    """The transport socket of a filter chain."""
    context = tls_pb2.DownstreamTlsContext()
    _fill(context.common_tls_context, server.certificate, server.trust, server.names, protocol)
    context.require_client_certificate.value = server.trust is not None
    return base_pb2.TransportSocket(name=_SOCKET, typed_config=packed(context))


def references(secrets: Iterable[Secret]) -> list[str]:
    """The names of those secrets that come over ADS."""
    return [one.name for one in secrets if one.ours]


def secret(wanted: Secret, material: tuple[Material, ...]) -> Resource:
    """The secret as it is sent; ``material`` is ACM's content of its ARNs, in their order."""
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
    """The ACM ARNs whose content the secret needs."""
    return wanted.values if wanted.source in ("acm", "acm-pca") else ()


def arns_of_specs(
    specs: Iterable[VirtualNodeSpec | VirtualGatewaySpec],
) -> Iterator[tuple[str, str]]:
    """(path of the field, ARN) of every certificate and private certificate authority of ACM that
    the specs name.
    """
    for spec in specs:
        for index, listener in enumerate(spec.get("listeners", ())):
            server = termination(listener.get("tls"))
            if server is not None and server.certificate.source == "acm":
                at = f"listeners[{index}].tls.certificate.acm.certificateArn"
                yield at, server.certificate.values[0]
        for at, holder in _policy_holders(spec):
            policy = _client_policy(holder)
            trust = policy["validation"]["trust"] if policy else {}
            authorities = trust["acm"]["certificateAuthorityArns"] if "acm" in trust else ()
            member = f"{at}clientPolicy.tls.validation.trust.acm.certificateAuthorityArns"
            for index, arn in enumerate(authorities):
                yield f"{member}[{index}]", arn


def _policy_holders(
    spec: VirtualNodeSpec | VirtualGatewaySpec,
) -> Iterator[tuple[str, BackendDefaults | Backend]]:
    yield "backendDefaults.", spec.get("backendDefaults") or {}
    for index, backend in enumerate(_backends(spec)):
        yield f"backends[{index}].virtualService.", backend


def _server_certificate(spec: ServerCertificate) -> Secret:
    if "acm" in spec:
        return Secret("certificate", "acm", (spec["acm"]["certificateArn"],))
    return _local_certificate(spec)


def _local_certificate(spec: ServerCertificate | ClientCertificate) -> Secret:
    if "file" in spec:
        file = spec["file"]
        return Secret("certificate", "file", (file["certificateChain"], file["privateKey"]))
    return Secret("certificate", "sds", (spec["sds"]["secretName"],))


def _client_trust(spec: ClientTrust) -> Secret | None:
    if "acm" in spec:
        return Secret("trust", "acm-pca", tuple(spec["acm"]["certificateAuthorityArns"]))
    return _local_trust(spec)


def _local_trust(spec: ServerTrust | ClientTrust) -> Secret | None:
    if "file" in spec:
        return Secret("trust", "file", (spec["file"]["certificateChain"],))
    if "sds" in spec:
        return Secret("trust", "sds", (spec["sds"]["secretName"],))
    return None


def _names(validation: ServerValidation | ClientValidation) -> tuple[str, ...]:
    alternatives = validation.get("subjectAlternativeNames")
    return tuple(alternatives["match"]["exact"]) if alternatives else ()


def _discovered_name(node: VirtualNode) -> str:
    """The name that a server's certificate must have unless the caller's policy names others."""
    source = discovery.service_discovery(node)
    if "dns" in source:
        return source["dns"]["hostname"]
    cloud_map = source.get("awsCloudMap")
    return f"{cloud_map['serviceName']}.{cloud_map['namespaceName']}" if cloud_map else ""


def _fill(
    common: tls_pb2.CommonTlsContext,
    certificate: Secret | None,
    trust: Secret | None,
    names: Iterable[str],
    protocol: str,
) -> None:
    common.alpn_protocols.extend(_ALPN.get(protocol, ()))
    if certificate is not None:
        common.tls_certificate_sds_secret_configs.append(sds_config(certificate))
    if trust is not None:
        combined = common.combined_validation_context
        combined.validation_context_sds_secret_config.CopyFrom(sds_config(trust))
        combined.default_validation_context.SetInParent()
        matchers = [matcher for name in names for matcher in _name_matchers(name)]
        combined.default_validation_context.match_typed_subject_alt_names.extend(matchers)


def _name_matchers(name: str) -> Iterator[common_pb2.SubjectAltNameMatcher]:
    """App Mesh takes names as FQDN or URI. Envoy needs to know which, and compares DNS names as
    TLS does: a certificate's wildcard stands for one label.
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


def sds_config(wanted: Secret) -> secret_pb2.SdsSecretConfig:
    """Where Envoy gets the secret from."""
    source = ads() if wanted.ours else _local_service()
    return secret_pb2.SdsSecretConfig(name=wanted.name, sds_config=source)


def _local_service() -> config_source_pb2.ConfigSource:
    """The local secret service, through the bootstrap's cluster."""
    source = config_source_pb2.ConfigSource(resource_api_version=config_source_pb2.ApiVersion.V3)
    api = source.api_config_source
    api.api_type = config_source_pb2.ApiConfigSource.ApiType.GRPC
    api.transport_api_version = config_source_pb2.ApiVersion.V3
    api.grpc_services.add().envoy_grpc.cluster_name = SDS_CLUSTER
    return source
