"""A notice in the shape that its target wants. Pure.

Slack: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
EventBridge: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypedDict

from tealmesh.model.config.notices import Kind
from tealmesh.model.rollout import ABORTED, outcome

if TYPE_CHECKING:
    from tealmesh.model.rollout.notices import NoticeBody

SOURCE = "tealmesh"
DETAIL_TYPE = "Tealmesh Deployment State Change"

DECISIONS: Mapping[Kind, tuple[str, ...]] = {
    "STARTED": ("roll-back",),
    "APPROVAL_WANTED": ("approve", "roll-back"),
    "HELD": ("roll-back",),
    "SUCCEEDED": ("roll-back",),
}
"""What can be decided by a link in a notice."""

_TITLES: Mapping[Kind, str] = {
    "STARTED": "deployment started",
    "APPROVAL_WANTED": "approval wanted",
    "HELD": "held: a decision is wanted",
    "ROLLING_BACK": "rolling back",
    "SUCCEEDED": "deployed",
    "ROLLED_BACK": "rolled back",
    "ROLLBACK_FAILED": "NOTHING SERVES: rollback failed",
    "STOPPED": "stopped",
}
_BUTTONS = {"approve": "Approve…", "roll-back": "Roll back…"}
_MARKS: Mapping[Kind, str] = {
    "APPROVAL_WANTED": ":raised_hand:",
    "HELD": ":raised_hand:",
    "ROLLING_BACK": ":warning:",
    "ROLLED_BACK": ":leftwards_arrow_with_hook:",
    "ROLLBACK_FAILED": ":rotating_light:",
    "SUCCEEDED": ":white_check_mark:",
}


class EventEntry(TypedDict):
    """An entry of PutEvents."""

    Source: str
    DetailType: str
    Time: datetime
    Detail: str
    EventBusName: str


def title(notice: NoticeBody) -> str:
    """The notice in one short line."""
    moved = f"{_short(notice['old_image'])} → {_short(notice['new_image'])}"
    aborted = outcome(notice["status"], notice.get("ended_by", "")) == ABORTED
    what = "aborted" if aborted else _TITLES[notice["kind"]]
    return f"{notice['service']}: {what} ({moved})"


def webhook(notice: NoticeBody, links: Mapping[str, str]) -> bytes:
    """The body of a webhook, in JSON."""
    content = {
        "type": f"tealmesh.deployment.{notice['kind'].lower()}",
        "timestamp": _iso(notice["at"]),
        "data": {**_detail(notice), "links": dict(links)},
    }
    return json.dumps(content).encode()


def slack(notice: NoticeBody, links: Mapping[str, str]) -> bytes:
    """The body of Slack's incoming webhook, in JSON. What others wrote is shown as it is: it
    neither mentions people nor makes links.
    """
    head = " ".join(filter(None, (_MARKS.get(notice["kind"], ""), f"*{_plain(title(notice))}*")))
    weights = " ".join(f"{side}={weight}" for side, weight in sorted(notice["weights"].items()))
    group = f"group {notice['group']} · " if "group" in notice else ""
    about = f"{group}mesh {notice['mesh']} · started by {notice['actor'] or 'nobody'} · {weights}"
    blocks: list[object] = [
        {"type": "section", "text": _markdown(f"{head}\n{_plain(_cut(notice['message']))}")},
        {"type": "context", "elements": [_markdown(_plain(about))]},
    ]
    if links:
        blocks.append({"type": "actions", "elements": [_button(*one) for one in links.items()]})
    return json.dumps({"text": _plain(title(notice)), "blocks": blocks}).encode()


def event(notice: NoticeBody, bus: str) -> EventEntry:
    """The entry of PutEvents, as ECS's own events of deployments are made."""
    return {
        "Source": SOURCE,
        "DetailType": DETAIL_TYPE,
        "Time": datetime.fromtimestamp(notice["at"], UTC),
        "Detail": json.dumps(_detail(notice)),
        "EventBusName": bus,
    }


def _detail(notice: NoticeBody) -> dict[str, object]:
    return {
        "eventName": notice["kind"],
        "service": notice["service"],
        **({"group": notice["group"]} if "group" in notice else {}),
        "meshName": notice["mesh"],
        "deploymentId": notice["deployment"],
        "sequence": notice["sequence"],
        "status": notice["status"],
        "state": notice["state"],
        "from": {"side": notice["old_side"], "image": notice["old_image"]},
        "to": {"side": notice["new_side"], "image": notice["new_image"]},
        "weights": dict(notice["weights"]),
        "startedBy": notice["actor"],
        **({"endedBy": notice["ended_by"]} if "ended_by" in notice else {}),
        "updatedAt": _iso(notice["at"]),
        "reason": notice["message"],
    }


def _button(decision: str, url: str) -> dict[str, object]:
    text = {"type": "plain_text", "text": _BUTTONS[decision]}
    style = {"style": "primary"} if decision == "approve" else {"style": "danger"}
    return {"type": "button", "action_id": decision, "text": text, "url": url, **style}


def _markdown(text: str) -> dict[str, str]:
    return {"type": "mrkdwn", "text": text}


def _plain(text: str) -> str:
    """https://docs.slack.dev/messaging/formatting-message-text#escaping"""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(text: str, longest: int = 2000) -> str:
    """Slack takes 3,000 characters in a section."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _short(image: str) -> str:
    return image.rpartition("/")[2] or "nothing"


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
