"""Texts that know what they are made of: they stay texts, and outlive the store."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tealmesh.model import said
from tealmesh.model.rollout import Deployment, GateResult, StepEvidence, Verdict
from tealmesh.model.said import Said, counted, listed, say
from tealmesh.model.spans import span
from tests.rollout.outside import begun

names = st.text(max_size=8)
texts = st.recursive(
    names | st.integers(-9, 9),
    lambda inner: (
        st.builds(lambda a, b: say("{a} of {b}", a=a, b=b), inner, inner)
        | st.builds(lambda a: say("it waits for {what}", what=a), inner)
        | st.builds(lambda parts: listed([str(part) for part in parts], "; "), st.lists(inner))
    ),
    max_leaves=6,
)


@given(texts)
def test_what_is_stored_is_read_again_with_all_that_it_is_made_of(text: said.Value) -> None:
    stored = json.loads(json.dumps(said.body(text)))
    again = said.read(stored)
    assert again == str(text)
    assert said.body(again) == stored


def test_it_is_its_text() -> None:
    text = say("{tasks} of {side} healthy", tasks=counted(2, "task"), side="green")
    assert text == "2 tasks of green healthy"
    assert counted(12345, "request") == "12,345 requests"
    assert json.loads(json.dumps([text])) == ["2 tasks of green healthy"]
    for same in (copy.deepcopy(text), pickle.loads(pickle.dumps(text)), text + "", "" + text):
        assert same == text
        assert said.body(same) == said.body(text)
    more = "web: " + text + say(", {n} stopped", n=1)
    assert more == "web: 2 tasks of green healthy, 1 stopped"
    assert isinstance(more, Said)


def test_what_another_version_wrote_stays_its_text() -> None:
    for template in ("{gone} tasks", "{tasks", "{0} tasks", "{tasks.none}", "other {tasks}"):
        told: said.SaidBody = {"text": "2 tasks", "template": template}
        told["values"] = {"tasks": {"text": "2 tasks"}}
        assert said.read(told) == "2 tasks"
        assert not isinstance(said.read(told), Said)


def test_a_deployment_keeps_what_its_texts_are_made_of() -> None:
    why = say("{gate}: {detail}", gate="tasks", detail=say("{n} of 2", n=1))
    found = GateResult("tasks", Verdict.NEED_DATA, say("{n} of 2", n=1))
    step = StepEvidence(0, {"blue": 90, "green": 10}, 0.1, 1.0, verdicts=(found,))
    before = replace(begun(), waiting_for=why, note="by hand", evidence=(step,))
    again = Deployment.from_json(json.loads(json.dumps(before.to_json())))
    assert again == before
    assert said.body(again.waiting_for) == said.body(why)
    assert said.body(again.evidence[0].verdicts[0].detail)["template"] == "{n} of 2"
    assert said.body(again.note) == {"text": "by hand"}
    assert "said" not in replace(before, waiting_for="", evidence=()).to_json()


def test_lengths_of_time_are_made_of_numbers() -> None:
    assert said.body(span(150.0))["values"] == {"min": {"text": "2"}, "s": {"text": "30"}}
