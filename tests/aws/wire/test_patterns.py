"""Every constraint of the models that we validate by can be checked."""

from __future__ import annotations

import pytest

from tealmesh.aws.wire.apimodel import load_model
from tealmesh.aws.wire.validation import _checker


@pytest.mark.parametrize(
    "service",
    ["application-autoscaling", "appmesh", "ecs", "elbv2", "servicediscovery", "tealmesh"],
)
def test_every_pattern_is_one_of_pythons_too(service: str) -> None:
    model = load_model(service)
    for name in model.operation_names:
        shape = model.operation(name).input_shape
        if shape is not None:
            _checker(shape, {})
