"""Account settings: kept and answered; none of them changes what this machine does.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-account-settings.html
"""

from __future__ import annotations

from typing import Any

from tealmesh.apis.ecs import base
from tealmesh.apis.ecs.base import Answer, EcsBase, Reader, Request
from tealmesh.apis.paging import Pager
from tealmesh.model.caller import Caller
from tealmesh.store import Transaction, tables

_SWITCH = ("enabled", "disabled")
VALUES: dict[str, tuple[str, ...]] = {
    # name -> allowed values, the default first
    "serviceLongArnFormat": _SWITCH,
    "taskLongArnFormat": _SWITCH,
    "containerInstanceLongArnFormat": _SWITCH,
    "awsvpcTrunking": ("disabled", "enabled"),
    "containerInsights": ("disabled", "enabled", "enhanced"),
    "fargateFIPSMode": ("disabled", "enabled"),
    "tagResourceAuthorization": ("off", "on"),
    "fargateTaskRetirementWaitPeriod": ("7", "0", "14"),
    "guardDutyActivate": ("off",),
    "defaultLogDriverMode": ("non-blocking", "blocking"),
    "fargateEventWindows": ("disabled", "enabled"),
}
DEFAULT = "default"


class Settings(EcsBase):
    """The operations of account settings."""

    async def list_account_settings(self, caller: Caller, request: Request) -> Answer:
        """The settings that were put, or with ``effectiveSettings`` those in force."""
        principal = request.get("principalArn") or self._principal(caller)
        view, effective = self._store.view, bool(request.get("effectiveSettings"))
        found: dict[str, dict[str, Any]] = {}
        for name, allowed in VALUES.items():
            value = _value(view, principal, name, effective)
            if effective and value is None:
                value = allowed[0]
            if value is None or request.get("name") not in (None, name):
                continue
            if request.get("value") in (None, value):
                found[name] = _setting(name, value, principal)
        pager = Pager("InvalidParameterException", ("ListAccountSettings", principal), largest=10)
        limit = request.get("maxResults") or None
        names, token = pager.page(list(found), limit, request.get("nextToken"))
        answer: Answer = {"settings": [found[name] for name in names]}
        return answer | ({"nextToken": token} if token else {})

    async def put_account_setting(self, caller: Caller, request: Request) -> Answer:
        """Set a setting for one principal."""
        principal = request.get("principalArn") or self._principal(caller)
        return await self._put(caller, "PutAccountSetting", principal, request)

    async def put_account_setting_default(self, caller: Caller, request: Request) -> Answer:
        """Set a setting for all who have not set it themselves."""
        return await self._put(caller, "PutAccountSettingDefault", DEFAULT, request)

    async def delete_account_setting(self, caller: Caller, request: Request) -> Answer:
        """Go back to the default."""
        principal = request.get("principalArn") or self._principal(caller)
        name = request["name"]

        def change(tx: Transaction) -> Answer:
            value = _value(tx, principal, name, False)
            if value is None:
                raise base.invalid(f"You do not have the setting {name} to delete.")
            tx.delete(tables.ACCOUNT_SETTINGS, principal, name)
            return {"setting": _setting(name, value, principal)}

        return await self._write(caller, "DeleteAccountSetting", change)

    async def _put(
        self, caller: Caller, operation: str, principal: str, request: Request
    ) -> Answer:
        name, value = request["name"], request["value"]

        def change(tx: Transaction) -> Answer:
            if value not in VALUES[name]:
                raise base.invalid(
                    f"value = {value!r}: {name} must be one of {', '.join(VALUES[name])}"
                )
            tx.put(tables.ACCOUNT_SETTINGS, principal, name, body={"value": value})
            shown = self._principal(caller) if principal == DEFAULT else principal
            return {"setting": _setting(name, value, shown)}

        return await self._write(caller, operation, change)


def _value(reader: Reader, principal: str, name: str, effective: bool) -> str | None:
    for owner in (principal, DEFAULT) if effective else (principal,):
        document = reader.get(tables.ACCOUNT_SETTINGS, owner, name)
        if document is not None:
            return str(document.body["value"])
    return None


def _setting(name: str, value: str, principal: str) -> dict[str, Any]:
    return {"name": name, "value": value, "principalArn": principal, "type": "user"}
