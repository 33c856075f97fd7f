"""Rules of EventBridge: templates as AWS has them, and targets that do not hinder one another."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.aws.clients import client
from tealmesh.aws.moto.rules import filled, matches

ARN = "arn:aws:{}:us-east-1:123456789012:{}"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ('{"reason": <r>, "n": <n>}', {"reason": 'said "no"', "n": 3}),
        ('"Task <t> stopped: <r>"', 'Task a/b stopped: said "no"'),
        ('{"all": <d>, "text": "<d>"}', {"all": {"x": [1]}, "text": '{"x": [1]}'}),
        ('{"gone": <none>, "text": "<none>"}', {"gone": None, "text": ""}),
        ('{"quote": "\\"<t>\\""}', {"quote": '"a/b"'}),
    ],
)
def test_placeholders_are_values_or_parts_of_texts(template: str, expected: object) -> None:
    values = {"r": 'said "no"', "n": 3, "t": "a/b", "d": {"x": [1]}}
    assert json.loads(filled(template, values)) == expected


@given(st.text() | st.integers() | st.lists(st.text()))
def test_a_filled_template_is_json_whatever_the_value(value: object) -> None:
    found = json.loads(filled('{"plain": <v>, "text": "<<v>>"}', {"v": value}))
    assert found["plain"] == value
    text = value if isinstance(value, str) else json.dumps(value)
    assert found["text"] == f"<{text}>"


def test_a_target_that_gets_nothing_takes_nothing_from_the_others(url: str) -> None:
    events, sqs, sns = client("events", url), client("sqs", url), client("sns", url)
    queue = sqs.create_queue(QueueName="q")["QueueUrl"]
    topic = sns.create_topic(Name="t")["TopicArn"]
    queue_arn = ARN.format("sqs", "q")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
    for name, targets in {
        "first": [{"Id": "1", "Arn": ARN.format("lambda", "function:none")}],
        "second": [
            {"Id": "1", "Arn": ARN.format("sqs", "gone")},
            {"Id": "2", "Arn": topic},
            {"Id": "3", "Arn": queue_arn},
        ],
    }.items():
        events.put_rule(Name=name, EventPattern=json.dumps({"source": ["shop"]}))
        events.put_targets(Rule=name, Targets=targets)
    entry = {"Source": "shop", "DetailType": "Sold", "Detail": json.dumps({"item": 7})}
    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
    messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    bodies = [json.loads(message["Body"]) for message in messages]
    direct = [body for body in bodies if body.get("detail") == {"item": 7}]
    by_topic = [json.loads(body["Message"]) for body in bodies if "Message" in body]
    assert len(direct) == 1
    assert [body["detail"] for body in by_topic] == [{"item": 7}]


_PIECES = st.text(st.sampled_from("ab*\\\n"), max_size=8)


@given(_PIECES, _PIECES)
def test_wildcards_stand_for_any_characters(pattern: str, item: str) -> None:
    tokens = re.findall(r"\\[*\\]|.", pattern, re.DOTALL)
    expected = "".join(".*" if one == "*" else re.escape(one[-1]) for one in tokens)
    assert matches(item, pattern) == (re.fullmatch(expected, item, re.DOTALL) is not None)


def test_many_wildcards_take_no_time() -> None:
    """A regular expression would take longer than there are tests."""
    assert not matches("a" * 10_000, "*a" * 40 + "*b*c")
