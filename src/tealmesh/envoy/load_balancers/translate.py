"""From a load balancer's snapshot to all resources of its Envoy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet

from tealmesh.envoy import tls
from tealmesh.envoy.load_balancers import listeners, target_groups, tls_policies
from tealmesh.envoy.load_balancers.rules import route_configuration
from tealmesh.envoy.resources import Resource, ResourceSet, by_name
from tealmesh.envoy.tls import Secret
from tealmesh.model.errors import TranslationError
from tealmesh.model.load_balancers import ListenerBody, LoadBalancerSnapshot


def translate(snapshot: LoadBalancerSnapshot) -> ResourceSet:
    """The resources of a load balancer's Envoy.

    A listener whose default certificate does not exist is left out until it does; further ones
    that do not exist are. Raises TranslationError when a rule leads to a target group that does not
    exist, or a certificate has still to be fetched.
    """
    balancer, place, groups = snapshot.load_balancer, snapshot.place, snapshot.target_groups
    ways_in = list(_ready(balancer["Listeners"], snapshot.missing))
    by_rules = [one for one in ways_in if one["Protocol"] in listeners.BY_RULES]
    return ResourceSet(
        clusters=by_name(target_groups.cluster(group) for group in groups.values()),
        endpoints=by_name(
            target_groups.endpoints(group, snapshot.targets.get(arn, ()))
            for arn, group in groups.items()
        ),
        listeners=by_name(listeners.listener(balancer, one, place, groups) for one in ways_in),
        routes=by_name(route_configuration(balancer, one, place, groups) for one in by_rules),
        secrets=by_name(
            _secret(snapshot, listener, secret)
            for listener in ways_in
            if listener["Protocol"] in listeners.ENCRYPTED
            for secret in tls_policies.certificates(listener)
        ),
    )


def _ready(ways_in: Iterable[ListenerBody], missing: AbstractSet[str]) -> Iterator[ListenerBody]:
    """The listeners that can be configured, with the certificates that there are."""
    for listener in ways_in:
        if listener["Protocol"] not in listeners.ENCRYPTED or missing.isdisjoint(
            listener["Certificates"]
        ):
            yield listener
        elif listener["Certificates"][0] not in missing:
            present = [arn for arn in listener["Certificates"] if arn not in missing]
            yield {**listener, "Certificates": present}


def _secret(snapshot: LoadBalancerSnapshot, listener: ListenerBody, secret: Secret) -> Resource:
    [arn] = secret.values
    if arn not in snapshot.material:
        raise TranslationError(
            f"listener {listener['ListenerArn']}: the certificate {arn} has not been fetched"
        )
    return tls.secret(secret, (snapshot.material[arn],))
