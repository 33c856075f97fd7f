"""Who is told what of a deployment, in which shape: pure."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tealmesh.model.config.notices import KINDS, NoticeConfig, read_notices
from tealmesh.model.config.table import Table
from tealmesh.model.errors import ConfigError
from tealmesh.model.rollout import State
from tealmesh.model.rollout.notices import NoticeBody
from tealmesh.rollout.notices import outbox, shapes
from tealmesh.store import Transaction, View, tables

NOTICE: NoticeBody = {
    "id": "d-1-7",
    "target": "chat",
    "kind": "APPROVAL_WANTED",
    "at": 1_795_000_000.0,
    "service": "web",
    "mesh": "shop",
    "deployment": "d-1",
    "sequence": 7,
    "status": "IN_PROGRESS",
    "state": "AWAITING_APPROVAL",
    "old_side": "blue",
    "new_side": "green",
    "old_image": "registry/team/web:1",
    "new_image": "registry/team/web:2",
    "weights": {"blue": 100, "green": 0},
    "actor": "root",
    "message": "waiting <!channel> & more",
    "revision": 9,
}
LINKS = {"approve": "http://a/1", "roll-back": "http://a/2"}


def test_every_end_and_every_wait_for_a_person_is_told() -> None:
    final = {state for state in State if state.value in {"SUCCEEDED", "ROLLED_BACK"}}
    assert final | {State.HELD, State.AWAITING_APPROVAL, State.STOPPED} <= set(outbox.KINDS)
    assert set(outbox.KINDS.values()) == set(KINDS)


def test_slack_shows_what_others_wrote_and_follows_none_of_it() -> None:
    body = json.loads(shapes.slack(NOTICE, LINKS))
    assert body["text"] == "web: approval wanted (web:1 → web:2)"
    text = body["blocks"][0]["text"]["text"]
    assert "waiting &lt;!channel&gt; &amp; more" in text
    assert [b["url"] for b in body["blocks"][2]["elements"]] == ["http://a/1", "http://a/2"]
    assert len(json.loads(shapes.slack({**NOTICE, "message": "x" * 9000}, {}))["blocks"]) == 2


def test_a_webhook_and_an_event_say_the_same() -> None:
    hook = json.loads(shapes.webhook(NOTICE, LINKS))
    entry = shapes.event(NOTICE, "default")
    assert hook["type"] == "tealmesh.deployment.approval_wanted"
    assert hook["data"].pop("links") == LINKS
    assert json.loads(entry["Detail"]) == hook["data"]
    assert (entry["Source"], entry["EventBusName"]) == ("tealmesh", "default")


def test_what_a_person_ended_is_called_aborted() -> None:
    back: NoticeBody = {**NOTICE, "kind": "ROLLED_BACK", "status": "ROLLBACK_SUCCESSFUL"}
    assert shapes.title(back) == "web: rolled back (web:1 → web:2)"
    aborted: NoticeBody = {**back, "ended_by": "ada"}
    assert shapes.title(aborted) == "web: aborted (web:1 → web:2)"
    assert json.loads(shapes.webhook(aborted, {}))["data"]["endedBy"] == "ada"


def test_targets_of_one_file_are_replaced_and_those_of_others_stay() -> None:
    t = Transaction(View(0, {}))
    one, two = NoticeConfig("one", url="http://a"), NoticeConfig("two", url="http://b")
    outbox.put_targets(t, {"one": one}, "/a")
    outbox.put_targets(t, {"two": two}, "/b")
    t.put(tables.NOTICES, "one", f"{9:012}-d-1-7", body={**NOTICE, "target": "one"})
    outbox.put_targets(t, {}, "/a")
    assert [d.body["name"] for d in t.list(tables.NOTICE_TARGETS)] == ["two"]
    assert not t.list(tables.NOTICES), "what nobody is told any more is not kept"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"shape": "mail"}, 'shape = \'mail\': must be "webhook" or "slack" or "eventbridge"'),
        ({}, "url = (not set): must be an http or https URL"),
        ({"url": "ftp://a"}, "url = 'ftp://a': must be an http or https URL"),
        ({"url": "http://me:secret@a"}, "without a name or password"),
        ({"url": "http://a", "url_file": "b"}, "one of both"),
        ({"url": "http://a", "on": ["DONE"]}, "on = ['DONE']: must be a list of STARTED, "),
        ({"url": "http://a", "bus": "b"}, "bus = 'b': must be left out without shape = \"event"),
        ({"shape": "slack", "url": "http://a", "secret_file": "s"}, 'only shape = "webhook" is'),
        ({"shape": "eventbridge", "url": "http://a"}, "reached through the endpoint in use"),
        ({"urls": "http://a"}, "did you mean url?"),
    ],
)
def test_a_wrong_value_is_named(data: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read_notices(Table("teal.toml", "notices", {"chat": data}))
    assert words in str(raised.value)
    assert str(raised.value).startswith("teal.toml: notices.chat.")
