"""Account settings. They are stored and answered, but change nothing on this machine.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-account-settings.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tealmesh.apis.ecs import base
from tealmesh.apis.ecs.answers import SettingAnswer, SettingsAnswer, SettingShown
from tealmesh.apis.ecs.base import EcsBase
from tealmesh.apis.paging import Pager
from tealmesh.model.ecs.clusters import AccountSettingBody
from tealmesh.model.identity.caller import Caller
from tealmesh.store import Reader, Transaction, tables

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import (
        DeleteAccountSettingRequestTypeDef,
        ListAccountSettingsRequestTypeDef,
        PutAccountSettingDefaultRequestTypeDef,
        PutAccountSettingRequestTypeDef,
    )

_SWITCH = ("enabled", "disabled")
VALUES: dict[str, tuple[str, ...]] = {
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
"""The allowed values of each setting; the first is its default."""

EVERYBODY = "default"
"""Owner of the settings that apply to whoever has not set their own."""


class Settings(EcsBase):
    """The operations on account settings."""

    async def list_account_settings(
        self, caller: Caller, request: ListAccountSettingsRequestTypeDef
    ) -> SettingsAnswer:
        """List the settings that a principal has set or, with ``effectiveSettings``, all that
        apply to it.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListAccountSettings.html
        """
        principal = request.get("principalArn") or self._principal()
        view, effective = self._store.view, request.get("effectiveSettings", False)
        settings: dict[str, SettingShown] = {}
        for name, allowed in VALUES.items():
            value = _value(view, principal, name, effective)
            if effective and value is None:
                value = allowed[0]
            if value is None or request.get("name") not in (None, name):
                continue
            if request.get("value") in (None, value):
                settings[name] = _shown(name, value, principal)
        pager = Pager("InvalidParameterException", ("ListAccountSettings", principal), largest=10)
        limit = request.get("maxResults") or None  # 0 counts as no limit
        listed, token = pager.items(settings, limit, request.get("nextToken"))
        answer: SettingsAnswer = {"settings": listed}
        if token:
            answer["nextToken"] = token
        return answer

    async def put_account_setting(
        self, caller: Caller, request: PutAccountSettingRequestTypeDef
    ) -> SettingAnswer:
        """Set a principal's setting.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PutAccountSetting.html
        """
        principal = request.get("principalArn") or self._principal()
        name, value = request["name"], request["value"]
        return await self._put(caller, "PutAccountSetting", principal, name, value)

    async def put_account_setting_default(
        self, caller: Caller, request: PutAccountSettingDefaultRequestTypeDef
    ) -> SettingAnswer:
        """Set a setting for all principals that have not set it themselves.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PutAccountSettingDefault.html
        """
        name, value = request["name"], request["value"]
        return await self._put(caller, "PutAccountSettingDefault", EVERYBODY, name, value)

    async def delete_account_setting(
        self, caller: Caller, request: DeleteAccountSettingRequestTypeDef
    ) -> SettingAnswer:
        """Delete a principal's setting, so that the default applies again.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteAccountSetting.html
        """
        principal = request.get("principalArn") or self._principal()
        name = request["name"]

        def change(tx: Transaction) -> SettingAnswer:
            value = _value(tx, principal, name, effective=False)
            if value is None:
                raise base.invalid(f"You do not have the setting {name} to delete.")
            tx.delete(tables.ACCOUNT_SETTINGS, principal, name)
            return {"setting": _shown(name, value, principal)}

        return await self._write(caller, "DeleteAccountSetting", change)

    async def _put(
        self, caller: Caller, operation: str, owner: str, name: str, value: str
    ) -> SettingAnswer:
        def change(tx: Transaction) -> SettingAnswer:
            if value not in VALUES[name]:
                raise base.invalid(
                    f"value = {value!r}: {name} must be one of {', '.join(VALUES[name])}"
                )
            body: AccountSettingBody = {"value": value}
            tx.put(tables.ACCOUNT_SETTINGS, owner, name, body=body)
            principal = self._principal() if owner == EVERYBODY else owner
            return {"setting": _shown(name, value, principal)}

        return await self._write(caller, operation, change)


def _value(reader: Reader, principal: str, name: str, effective: bool) -> str | None:
    """The stored value for a principal or, if ``effective``, else the one for everybody."""
    for owner in (principal, EVERYBODY) if effective else (principal,):
        document = reader.get(tables.ACCOUNT_SETTINGS, owner, name)
        if document is not None:
            return document.body["value"]
    return None


def _shown(name: str, value: str, principal: str) -> SettingShown:
    return {"name": name, "value": value, "principalArn": principal, "type": "user"}
