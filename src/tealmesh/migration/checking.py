"""What App Mesh would refuse of a resource: known before anything is created. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tealmesh.apis.appmesh import route_rules, spec_rules
from tealmesh.apis.appmesh.spec_rules import Problems
from tealmesh.aws.wire.apimodel import load_model
from tealmesh.aws.wire.readers import reader
from tealmesh.aws.wire.validation import validate
from tealmesh.migration.json import Made
from tealmesh.model.mesh import Kind

_RULES: Mapping[Kind, Callable[[Any], Problems]] = {
    Kind.VIRTUAL_NODE: spec_rules.virtual_node,
    Kind.VIRTUAL_ROUTER: spec_rules.virtual_router,
    Kind.VIRTUAL_GATEWAY: spec_rules.virtual_gateway,
    Kind.ROUTE: route_rules.route,
    Kind.GATEWAY_ROUTE: route_rules.gateway_route,
}


def taken(kind: Kind, request: Made) -> Any:
    """What App Mesh takes of the specification in the input of Create: members that it knows, of
    their types. Raises AwsError if the model refuses the input.
    """
    model, operation = load_model("appmesh"), f"Create{kind.noun}"
    shape = model.operation(operation).input_shape.members["spec"]
    spec = reader(shape)(request["spec"], "spec")
    validate(model, operation, {**request, "spec": spec})
    return spec


def broken(kind: Kind, names: Mapping[str, str], spec: Any) -> Iterator[str]:
    """The rules beyond the model that names and a specification of the right types break."""
    for member, name in names.items():
        of = next(one for one in Kind if f"{one.value}Name" == member)
        yield from (str(problem) for problem in spec_rules.name_problems(of, member, name))
    if kind in _RULES:
        yield from (str(problem) for problem in _RULES[kind](spec))
