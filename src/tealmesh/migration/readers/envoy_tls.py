"""TLS of Envoy's listeners and clusters in the words of App Mesh.

https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/transport_sockets/tls/v3/tls.proto
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tealmesh.migration.json import Json, Made, list_of, name_of, object_of, objects_of, within

Secrets = Mapping[str, Json]
"""The secrets that an Envoy has, by name."""

UNREAD = "is encrypted by a certificate that a dump does not name: set its TLS again"
"""The remark where a policy or a listener's TLS cannot be said."""


def termination(chains: Sequence[Json], secrets: Secrets, where: str) -> Made | None:
    """The TLS of a port's filter chains; nothing if there is none, None if it cannot be said. A
    port with a chain for plaintext too is permissive.
    """
    contexts = [context for chain in chains if (context := _context(chain, where))]
    if not contexts:
        return {}
    common = object_of(contexts[0].get("common_tls_context"), f"{where}: common_tls_context")
    certificate = _certificate(common, secrets, where)
    if not certificate:
        return None
    validation = _validation(common, secrets, where)
    return {
        "mode": "STRICT" if len(contexts) == len(chains) else "PERMISSIVE",
        "certificate": certificate,
        **({"validation": validation} if validation else {}),
    }


def origination(cluster: Json, secrets: Secrets, where: str) -> Made | None:
    """The TLS policy of who calls a cluster; nothing if it calls without TLS, None if it cannot be
    said.
    """
    context = _context(cluster, where)
    if not context:
        return {}
    common = object_of(context.get("common_tls_context"), f"{where}: common_tls_context")
    validation = _validation(common, secrets, where)
    if not validation:
        return None
    certificate = _certificate(common, secrets, where)
    return {
        "enforce": True,
        **({"certificate": certificate} if certificate else {}),
        "validation": validation,
    }


def _context(holder: Json, where: str) -> Json:
    socket = object_of(holder.get("transport_socket"), f"{where}: transport_socket")
    return object_of(socket.get("typed_config"), f"{where}: transport_socket.typed_config")


def _certificate(common: Json, secrets: Secrets, where: str) -> Made:
    for one in objects_of(common.get("tls_certificates"), f"{where}: tls_certificates"):
        if file := _files(one, where):
            return file
    member = "tls_certificate_sds_secret_configs"
    for one in objects_of(common.get(member), f"{where}: {member}"):
        name = name_of(one.get("name"))
        if name.startswith("arn:"):
            return {"acm": {"certificateArn": name}}
        if name in secrets:
            return _files(object_of(secrets[name].get("tls_certificate"), where), where)
        if name:
            return {"sds": {"secretName": name}}
    return {}


def _files(certificate: Json, where: str) -> Made:
    chain = name_of(within(certificate, "certificate_chain.filename", where))
    key = name_of(within(certificate, "private_key.filename", where))
    return {"file": {"certificateChain": chain, "privateKey": key}} if chain and key else {}


def _validation(common: Json, secrets: Secrets, where: str) -> Made:
    combined = object_of(common.get("combined_validation_context"), f"{where}: validation")
    own = common.get("validation_context") or combined.get("default_validation_context")
    context = object_of(own, f"{where}: validation_context")
    member = "validation_context_sds_secret_config"
    secret = object_of(common.get(member) or combined.get(member), f"{where}: {member}")
    trust = _trust(context, name_of(secret.get("name")), secrets, where)
    if not trust:
        return {}
    names = list(dict.fromkeys(_names(context, where)))
    alternatives = {"subjectAlternativeNames": {"match": {"exact": names}}} if names else {}
    return {"trust": trust, **alternatives}


def _trust(context: Json, name: str, secrets: Secrets, where: str) -> Made:
    file = name_of(within(context, "trusted_ca.filename", where))
    if not file and name in secrets:
        file = name_of(within(secrets[name], "validation_context.trusted_ca.filename", where))
        if not file:
            return {}
    if file:
        return {"file": {"certificateChain": file}}
    if name.startswith("arn:"):
        return {"acm": {"certificateAuthorityArns": [name]}}
    return {"sds": {"secretName": name}} if name else {}


def _names(context: Json, where: str) -> list[str]:
    typed = objects_of(context.get("match_typed_subject_alt_names"), f"{where}: names")
    matchers = [object_of(one.get("matcher"), f"{where}: names") for one in typed]
    matchers += objects_of(context.get("match_subject_alt_names"), f"{where}: names")
    plain = list_of(context.get("verify_subject_alt_name"), f"{where}: names")
    return [name_of(one.get("exact")) for one in matchers if one.get("exact")] + [
        name_of(one) for one in plain
    ]
