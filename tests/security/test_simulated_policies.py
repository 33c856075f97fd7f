"""What IAM's simulation says of a role is what its calls meet."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tealmesh.app.envoys.simulation import refusal
from tests.support.planes.control_plane import ControlPlane

ACTION = "appmesh:StreamAggregatedResources"
ROLE = "arn:aws:iam::123456789012:role/simulated"
NODE = "arn:aws:appmesh:us-east-1:123456789012:mesh/m/virtualNode/{}"


def asked(plane: ControlPlane, *names: str, **more: Any) -> list[Any]:
    answer = plane.client("iam").simulate_principal_policy(
        PolicySourceArn=ROLE,
        ActionNames=[ACTION],
        ResourceArns=[NODE.format(name) for name in names],
        **more,
    )
    results: list[Any] = answer["EvaluationResults"]
    return results


def test_it_is_answered_from_the_documents_of_the_role(plane: ControlPlane) -> None:
    iam = plane.client("iam")
    iam.create_role(RoleName="simulated", AssumeRolePolicyDocument="{}")
    here = {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}
    statements = [
        {"Effect": "Allow", "Action": "appmesh:*", "Resource": NODE.format("web-*")},
        {"Effect": "Deny", "Action": ACTION, "Resource": NODE.format("web-old")},
        {"Effect": "Allow", "Action": ACTION, "Resource": NODE.format("near"), "Condition": here},
    ]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName="simulated", PolicyName="p", PolicyDocument=document)
    found = asked(plane, "web-blue", "web-old", "stock", "near")
    assert [one["EvalDecision"] for one in found] == [
        "allowed",
        "explicitDeny",
        "implicitDeny",
        "implicitDeny",
    ]
    assert found[3]["MissingContextValues"] == ["aws:RequestedRegion"]
    assert "nobody knows aws:RequestedRegion" in refusal(found[3])
    entry = {
        "ContextKeyName": "aws:RequestedRegion",
        "ContextKeyValues": ["us-east-1"],
        "ContextKeyType": "string",
    }
    (near,) = asked(plane, "near", ContextEntries=[entry])
    assert (near["EvalDecision"], refusal(near)) == ("allowed", "")
    # A change counts at once, and so does a boundary.
    limit = json.dumps({"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}})
    (bound,) = asked(plane, "web-blue", PermissionsBoundaryPolicyInputList=[limit])
    assert bound["EvalDecision"] == "implicitDeny"
    assert refusal(bound) == "its permissions boundary does not allow it"
    iam.delete_role_policy(RoleName="simulated", PolicyName="p")
    (gone,) = asked(plane, "web-blue")
    assert gone["EvalDecision"] == "implicitDeny"


def test_what_it_cannot_say_is_refused_in_the_form_of_iam(plane: ControlPlane) -> None:
    iam = plane.client("iam")
    with pytest.raises(iam.exceptions.NoSuchEntityException, match="there is no role"):
        iam.simulate_principal_policy(PolicySourceArn=f"{ROLE}-none", ActionNames=[ACTION])
    iam.create_role(RoleName="simulated-too", AssumeRolePolicyDocument="{}")
    for more in ({"CallerArn": ROLE}, {"PolicyInputList": ["no document"]}):
        with pytest.raises(ClientError) as refused:
            iam.simulate_principal_policy(
                PolicySourceArn=f"{ROLE}-too", ActionNames=[ACTION], **more
            )
        assert refused.value.response["Error"]["Code"] == "InvalidInput"
