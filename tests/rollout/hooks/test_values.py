"""What a metric's value means, and what Prometheus answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.model.config.outside import condition
from tealmesh.model.rollout import Verdict
from tealmesh.rollout.hooks.values import Asked, Found, Series, holds, judge, prometheus

ASKED = Asked("prometheus errors", "< 0.01", 1, "need-data")


def vector(*values: str, **more: Any) -> bytes:
    result = [{"metric": {"job": f"j{n}"}, "value": [1.5, v]} for n, v in enumerate(values)]
    data = {"resultType": "vector", "result": result}
    return json.dumps({"status": "success", "data": data, **more}).encode()


def verdict(body: bytes, status: int = 200, asked: Asked = ASKED) -> tuple[Verdict, str]:
    result, _ = judge(asked, prometheus(status, body))
    return result.verdict, result.detail


def test_every_series_must_pass() -> None:
    assert verdict(vector("0.001", "0.009")) == (
        Verdict.PASS,
        "{job=j0} 0.001, {job=j1} 0.009, as it must be (< 0.01)",
    )
    assert verdict(vector("0.001", "0.5")) == (Verdict.FAIL, "{job=j1} 0.5, must be < 0.01")


def test_a_scalar_is_a_value() -> None:
    data = {"resultType": "scalar", "result": [1700000000.1, "0"]}
    body = json.dumps({"status": "success", "data": data}).encode()
    assert verdict(body)[0] is Verdict.PASS


@pytest.mark.parametrize(
    ("empty", "wanted"),
    [("need-data", Verdict.NEED_DATA), ("pass", Verdict.PASS), ("fail", Verdict.FAIL)],
)
@pytest.mark.parametrize("body", [vector(), vector("NaN", "NaN")])
def test_no_value_means_what_is_set(empty: str, wanted: Verdict, body: bytes) -> None:
    assert verdict(body, asked=Asked("g", "< 1", 1, empty))[0] is wanted


def test_nan_among_numbers_is_left_out_and_infinity_is_a_number() -> None:
    assert verdict(vector("NaN", "0"))[0] is Verdict.PASS
    assert verdict(vector("+Inf"))[0] is Verdict.FAIL


def test_warnings_are_shown() -> None:
    assert "(warning: slow store)" in verdict(vector("0", warnings=["slow store"]))[1]


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (400, b'{"status":"error","errorType":"bad_data","error":"parse error"}',
         "the query failed: bad_data: parse error"),
        (503, b'{"status":"error","errorType":"timeout","error":"query timed out"}',
         "the query failed: timeout: query timed out"),
        (502, b"<html>bad gateway", "answered with HTTP 502, and not with JSON"),
        (200, b"[]", "not by Prometheus"),
        (200, b'{"status":"success","data":{"resultType":"matrix","result":[]}}',
         "the query has a matrix"),
        (200, b'{"status":"success","data":{"resultType":"vector","result":[{"value":3}]}}',
         "a vector that cannot be read"),
        (200, b'{"status":"success"}', "the query has a None"),
    ],
)  # fmt: skip
def test_a_failed_query_says_nothing_of_the_version(status: int, body: bytes, words: str) -> None:
    found, detail = verdict(body, status, Asked("g", "< 1", 1, "fail"))
    assert found is Verdict.UNKNOWN
    assert words in detail


@given(st.lists(st.sampled_from(["0", "1", "none", "error"]), max_size=30), st.integers(1, 4))
def test_so_many_in_a_row_fail(answers: list[str], failures: int) -> None:
    failed = row = 0
    for answer in answers:
        found = {
            "error": Found(error="refused"),
            "none": Found(),
        }.get(answer, Found((Series({}, float(answer == "1")),)))
        result, failed = judge(Asked("g", "< 1", failures, "need-data", failed), found)
        row = row + 1 if answer == "1" else 0 if answer == "0" else row
        expected = {
            "0": Verdict.PASS,
            "1": Verdict.FAIL if row >= failures else Verdict.NEED_DATA,
            "none": Verdict.NEED_DATA,
            "error": Verdict.UNKNOWN,
        }[answer]
        assert result.verdict is expected


@given(st.binary(max_size=200), st.integers(100, 599))
def test_no_answer_raises(body: bytes, status: int) -> None:
    prometheus(status, body)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [("< 0.01", 0.0, 0.01), ("<=1", 1, 1.1), ("> -2", 0, -2), (">= 1e3", 1000, 999),
     ("== 0", 0, 1), ("!= 0", 1, 0), (" < .5 ", 0.4, 0.5)],
)  # fmt: skip
def test_conditions(text: str, inside: float, outside: float) -> None:
    assert holds(text, inside)
    assert not holds(text, outside)


@pytest.mark.parametrize("text", ["", "0.01", "<", "< x", "=< 1", "< 1 2", "< NaN", "<> 1"])
def test_other_conditions_are_refused(text: str) -> None:
    assert condition(text) is None
