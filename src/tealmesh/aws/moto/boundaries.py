"""Permissions boundaries of users, which moto takes and forgets; those of roles it keeps.

moto has no types: hence Any.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutUserPermissionsBoundary.html
"""

from __future__ import annotations

from typing import Any

from tealmesh.aws.moto.instead import instead_of


def correct_models(module: Any) -> None:
    """Correct ``moto.iam.models``: a user may have one, also of CloudFormation."""

    def shown(self: Any) -> dict[str, str] | None:
        if not self.permissions_boundary_arn:
            return None
        return {
            "PermissionsBoundaryType": "PermissionsBoundaryPolicy",
            "PermissionsBoundaryArn": self.permissions_boundary_arn,
        }

    module.User.permissions_boundary_arn = None
    module.User.permissions_boundary = property(shown)

    @instead_of(module.User, "create_from_cloudformation_json")
    def create(original: Any, name: str, template: Any, *rest: Any, **named: Any) -> Any:
        return _of_template(original(name, template, *rest, **named), template)

    @instead_of(module.User, "update_from_cloudformation_json")
    def update(original: Any, user: Any, name: str, template: Any, *rest: Any, **named: Any) -> Any:
        return _of_template(original(user, name, template, *rest, **named), template)


def correct_responses(module: Any) -> None:
    """Correct ``moto.iam.responses``: the operations."""
    response = module.IamResponse

    @instead_of(response, "create_user")
    def create(original: Any, self: Any) -> Any:
        given = self._get_param("PermissionsBoundary")
        if given:
            _checked(self.backend, given)
        answer = original(self)
        answer.result["User"].permissions_boundary_arn = given
        return answer

    def put(self: Any) -> Any:
        given = _checked(self.backend, self._get_param("PermissionsBoundary") or "")
        self.backend.get_user(self._get_param("UserName")).permissions_boundary_arn = given
        return module.EmptyResult()

    def delete(self: Any) -> Any:
        self.backend.get_user(self._get_param("UserName")).permissions_boundary_arn = None
        return module.EmptyResult()

    response.put_user_permissions_boundary = put
    response.delete_user_permissions_boundary = delete
    changed = response.RESPONSE_KEY_PATH_TO_TRANSFORMER
    changed["ListUsersResponse.Users.User.PermissionsBoundary"] = module.never_return
    for name in ("CreateUser", "GetUser"):
        path = f"{name}Response.User.PermissionsBoundary"
        changed[path] = module.return_if_not_empty


def _of_template(user: Any, template: Any) -> Any:
    user.permissions_boundary_arn = template.get("Properties", {}).get("PermissionsBoundary")
    return user


def _checked(backend: Any, arn: str) -> str:
    """The ARN of a policy, as for roles."""
    if not backend.policy_arn_regex.match(arn):
        from moto.iam.exceptions import IAMException

        text = f"Value ({arn}) for parameter PermissionsBoundary is invalid."
        raise IAMException("InvalidParameterValue", text)
    return arn
