"""Alarms: the table of CloudWatch's documentation, and statistics over samples."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.model.scaling.metrics import Metric
from tealmesh.seams.scaling.evaluation import Alarm, Sample, by_period, evaluate


def alarm(statistic: str = "Average", missing: str = "missing", breaching: int = 3) -> Alarm:
    metric = Metric("N", "M", (), statistic)
    return Alarm("a", metric, 60, 3, breaching, 50, "GreaterThanThreshold", missing)


def values(text: str) -> list[float | None]:
    """As AWS writes them: the oldest first, 0 is fine, X breaches, - is missing."""
    known = {"0": 0.0, "X": 100.0, "-": None}
    return [known[letter] for letter in reversed(text.split())]


@pytest.mark.parametrize(
    ("data", "missing", "ignore", "breaching", "not_breaching"),
    [
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
        ("0 - X - X", "OK", "OK", "OK", "OK"),
        ("- - - - 0", "OK", "RETAIN", "OK", "OK"),
        ("- - - - -", "INSUFFICIENT_DATA", "RETAIN", "ALARM", "OK"),
        ("0 X X - X", "ALARM", "ALARM", "ALARM", "ALARM"),
        ("- - X - -", "ALARM", "RETAIN", "ALARM", "OK"),
    ],
)
def test_periods_without_data(
    data: str, missing: str, ignore: str, breaching: str, not_breaching: str
) -> None:
    expected = {
        "missing": missing,
        "ignore": ignore,
        "breaching": breaching,
        "notBreaching": not_breaching,
    }
    for treatment, state in expected.items():
        if (data, treatment) == ("- - - - 0", "breaching"):
            continue
        found = evaluate(alarm(missing=treatment), values(data), "OK")
        assert found == ("OK" if state == "RETAIN" else state), treatment
        if state == "RETAIN":
            assert evaluate(alarm(missing=treatment), values(data), "ALARM") == "ALARM"


def test_one_breach_is_no_premature_alarm() -> None:
    assert evaluate(alarm(), values("- - - - X"), "OK") == "OK"
    assert evaluate(alarm(), values("- - - X X"), "OK") == "OK"
    assert evaluate(alarm(), values("- - X X X"), "OK") == "ALARM"


def test_some_of_the_periods_are_enough() -> None:
    assert evaluate(alarm(breaching=2), values("0 0 X 0 X"), "OK") == "ALARM"
    assert evaluate(alarm(breaching=2), values("0 0 0 0 X"), "OK") == "OK"


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [("Average", 20), ("Sum", 60), ("SampleCount", 3), ("Minimum", 10), ("Maximum", 30)],
)
def test_statistics_of_a_period(statistic: str, expected: float) -> None:
    samples = [
        Sample.of(5, [10, 20]),
        Sample.of(59, [30]),
        Sample.of(61, [99]),
        Sample.of(999, [1]),
    ]
    found = by_period(alarm(statistic), samples)
    assert found[0] == expected
    assert len(found) == 5
    assert found[2:] == [None, None, None]


@given(st.lists(st.none() | st.floats(0, 100), min_size=5, max_size=5))
def test_data_that_never_breaches_raises_no_alarm(data: list[float | None]) -> None:
    fine = [None if value is None else min(value, 50.0) for value in data]
    for treatment in ("missing", "ignore", "notBreaching"):
        assert evaluate(alarm(missing=treatment), fine, "OK") != "ALARM"
    if all(value is not None for value in data):
        assert evaluate(alarm(missing="breaching"), fine, "OK") == "OK"
