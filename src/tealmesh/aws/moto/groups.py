"""Auto Scaling groups of moto, as Terraform changes them. moto has no types: hence Any."""

from __future__ import annotations

from typing import Any

from tealmesh.aws.moto.instead import instead_of


def correct_models(module: Any) -> None:
    """A group keeps its mixed instances policy when a change does not name what it launches, and
    the distribution when the policy does not name one: moto forgets both.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_UpdateAutoScalingGroup.html
    """

    @instead_of(module.FakeAutoScalingGroup, "update")
    def update(original: Any, self: Any, *arguments: Any, **named: Any) -> None:
        before, policy = self.mixed_instances_policy, named.get("mixed_instances_policy")
        other = named.get("launch_config_name") or named.get("launch_template")
        if before and policy and "InstancesDistribution" in before:
            policy.setdefault("InstancesDistribution", before["InstancesDistribution"])
        original(self, *arguments, **named)
        if before and not policy and not other:
            self.mixed_instances_policy = before


def correct_responses(module: Any) -> None:
    """Instance refreshes, which moto lacks. The instances are not real, so a refresh has ended as
    soon as it has begun. Terraform starts one when a group's launch template changes.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_StartInstanceRefresh.html
    """

    def start_instance_refresh(self: Any) -> Any:
        from moto.moto_api._internal import mock_random

        refreshes = _refreshes(self)
        # moto's own random numbers, so that repeating the call gives the same id.
        refreshes.insert(0, str(mock_random.uuid4()))
        return module.ActionResult({"InstanceRefreshId": refreshes[0]})

    def describe_instance_refreshes(self: Any) -> Any:
        wanted = self._get_param("InstanceRefreshIds", [])
        shown = [
            {
                "InstanceRefreshId": refresh,
                "AutoScalingGroupName": self._get_param("AutoScalingGroupName"),
                "Status": "Successful",
                "PercentageComplete": 100,
                "InstancesToUpdate": 0,
            }
            for refresh in _refreshes(self)
            if not wanted or refresh in wanted
        ]
        return module.ActionResult({"InstanceRefreshes": shown})

    def cancel_instance_refresh(self: Any) -> Any:
        _refreshes(self)
        name = self._get_param("AutoScalingGroupName")
        text = f"No in progress or pending Instance Refresh found for Auto Scaling group {name}"
        raise _error("ActiveInstanceRefreshNotFound", text)

    kind = module.AutoScalingResponse
    kind.start_instance_refresh = start_instance_refresh
    kind.describe_instance_refreshes = describe_instance_refreshes
    kind.cancel_instance_refresh = cancel_instance_refresh


def _refreshes(response: Any) -> list[str]:
    """The ids of a group's refreshes, the newest first. Raises moto's error if there is none."""
    name = response._get_param("AutoScalingGroupName")
    group = response.autoscaling_backend.autoscaling_groups.get(name)
    if group is None:
        raise _error("ValidationError", f"AutoScalingGroup name not found - {name}")
    if not hasattr(group, "refreshes"):
        group.refreshes = []
    found: list[str] = group.refreshes
    return found


def _error(code: str, message: str) -> Exception:
    """An error that moto answers in the service's format."""
    from moto.autoscaling.exceptions import AutoscalingClientError

    error: Exception = AutoscalingClientError(code, message)
    return error
