"""Answers of moto that differ from AWS in a way that Terraform shows as a change, or stumbles over.

Each correction is for one module of moto and is made when that module has been imported. moto has
no types, and what is corrected is found by name: hence Any. A test makes each call.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from tealmesh.aws.moto import authorities, boundaries, elb_attributes, groups, keys, rules, topics
from tealmesh.aws.moto.instead import instead_of

_corrected: set[str] = set()


def correct_new_modules() -> None:
    """Correct the modules that were imported since."""
    for name, correct in _CORRECTIONS.items():
        module = sys.modules.get(name)
        if module is None or name in _corrected:
            continue
        if getattr(module.__spec__, "_initializing", False):
            continue  # another thread is importing it: the next call corrects it
        _corrected.add(name)
        correct(module)


def _vpc_only(module: Any) -> None:
    """An account has no EC2-Classic: no account made since 2013 has it. With EC2-Classic, the
    provider leaves out the tags of a new Elastic IP address.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AccountAttribute.html
    """

    @instead_of(module.AccountAttributes, "describe_account_attributes")
    def describe(original: Any, self: Any) -> Any:
        answer = original(self)
        for attribute in answer.result["AccountAttributes"]:
            if attribute["AttributeName"] == "supported-platforms":
                attribute["AttributeValues"] = [{"AttributeValue": "VPC"}]
        return answer


def _tags_of_dhcp_options(module: Any) -> None:
    """DHCP options have the tags that they are created with, as everything else of EC2 has.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateDhcpOptions.html
    """

    @instead_of(module.DHCPOptions, "create_dhcp_options")
    def create(original: Any, self: Any) -> Any:
        answer = original(self)
        for specification in self._get_param("TagSpecifications", []):
            tags = {tag["Key"]: tag.get("Value", "") for tag in specification.get("Tags", [])}
            answer.result["DhcpOptions"].add_tags(tags)
        return answer


def _groups_of_interface(module: Any) -> None:
    """An instance has the security groups of its primary network interface. The provider sends
    them there for an instance with ``associate_public_ip_address``.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
    """

    @instead_of(module.Instance, "prep_nics")
    def prepare(original: Any, self: Any, *arguments: Any, **named: Any) -> None:
        original(self, *arguments, **named)
        if not self.security_groups and 0 in self.nics:
            self.security_groups = list(self.nics[0].group_set)


def _private_zones(module: Any) -> None:
    """A hosted zone with a VPC is private, whether or not its configuration says so. The provider
    does not say so, and misses the VPC in what moto tells of such a zone.

    https://docs.aws.amazon.com/Route53/latest/APIReference/API_CreateHostedZone.html
    """

    @instead_of(module.Route53, "_get_bool_param")
    def get(original: Any, self: Any, name: str, *arguments: Any) -> Any:
        if name == "HostedZoneConfig.PrivateZone" and self._get_param("VPC.VPCId"):
            return True
        return original(self, name, *arguments)


def _tags_of_launch_templates(module: Any) -> None:
    """The tags of a launch template itself are no part of what it launches: moto shows them there
    too, and the provider takes them out again with each apply.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplate.html
    """

    @instead_of(module.LaunchTemplateBackend, "create_launch_template")
    def create(original: Any, self: Any, name: str, description: str, data: Any, tags: Any) -> Any:
        launched = [
            one
            for one in data.pop("TagSpecifications", [])
            if one.get("ResourceType") != "launch-template"
        ]
        if launched:
            data["TagSpecifications"] = launched
        return original(self, name, description, data, tags)


_ENGINES = {"memcached": "1.6.22", "redis": "7.1.0", "valkey": "7.2.6"}
"""https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/engine-versions.html"""


def _cache_clusters(module: Any) -> None:
    """A cache cluster has a version, which the provider reads, and is gone once it is deleted, for
    which the provider waits.
    """

    @instead_of(module.ElastiCacheBackend, "delete_cache_cluster")
    def remove(original: Any, self: Any, cache_cluster_id: str) -> Any:
        deleted = original(self, cache_cluster_id)
        self.cache_clusters.pop(cache_cluster_id, None)
        return deleted

    @instead_of(module.CacheCluster, "__init__")
    def make(original: Any, self: Any, *arguments: Any, **named: Any) -> None:
        original(self, *arguments, **named)
        self.engine_version = self.engine_version or _ENGINES.get(self.engine)


_CORRECTIONS: Mapping[str, Callable[[Any], None]] = {
    "moto.ec2.responses.account_attributes": _vpc_only,
    "moto.ec2.responses.dhcp_options": _tags_of_dhcp_options,
    "moto.ec2.models.instances": _groups_of_interface,
    "moto.ec2.models.launch_templates": _tags_of_launch_templates,
    "moto.elasticache.models": _cache_clusters,
    "moto.elbv2.models": elb_attributes.correct,
    "moto.route53.responses": _private_zones,
    "moto.acm.models": authorities.correct_acm,
    "moto.acmpca.models": authorities.correct_authorities,
    "moto.autoscaling.models": groups.correct_models,
    "moto.autoscaling.responses": groups.correct_responses,
    "moto.iam.models": boundaries.correct_models,
    "moto.iam.responses": boundaries.correct_responses,
    "moto.events.models": rules.correct_models,
    "moto.sns.models": topics.correct,
    "moto.sts.models": keys.correct_models,
    "moto.sts.responses": keys.correct_responses,
}
