"""Generated specifications with one thing broken: each is refused as App Mesh refuses, by the name
of the field, and changes nothing.

First every constraint of botocore's model (required, type, min, max, enum, pattern, union), then
the rules between members and between resources. Requests go the way of the gateway: JSON, codec,
validation, service.
"""

from __future__ import annotations

import asyncio
import copy
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tealmesh.apis.appmesh.nouns import NOUNS
from tealmesh.aws.wire.codec import Request
from tealmesh.aws.wire.validation import validate
from tealmesh.model.errors import AwsError
from tealmesh.model.mesh import Kind
from tests.aws.wire.reading import parse
from tests.support.meshes.broken import RULES, Place, changed, impossible, places, value_at
from tests.support.meshes.shapes import mistakes
from tests.support.meshes.specs import MODEL, Writer, all_leaves, spec_shape
from tests.support.planes import worlds
from tests.support.planes.appmesh import Direct
from tests.support.planes.worlds import Made

MESHES = 12
REPEATED = 3
"""How often the same constraint at the same path is broken, in different specifications."""

Spec = dict[str, Any]


class System:
    """A store with generated meshes, in which every broken update must change nothing."""

    def __init__(self, directory: Path) -> None:
        self.direct = Direct(directory / "state.db", worlds.UNBOUNDED)
        self.made: list[tuple[str, Made]] = []

    async def fill(self, directory: Path) -> None:
        unused = all_leaves()
        for number in range(MESHES):
            for made in worlds.plan(Writer(Random(number), directory, unused)):
                await worlds.create(self.direct, f"m{number}", made)
                self.made.append((f"m{number}", made))

    async def refusal(self, mesh: str, made: Made, spec: Any) -> AwsError:
        """What Update answers to ``spec`` in place of ``made``'s."""
        before = self.direct.store.view
        noun = NOUNS[made.kind]
        try:
            name, params = parse(MODEL, update(mesh, made, spec))
            validate(MODEL, name, params)
            await self.direct.call_async(f"update_{noun.verb_object}", **params)
        except AwsError as error:
            assert self.direct.store.view is before
            assert self.direct.store.revision == before.revision
            return error
        raise AssertionError(f"accepted: {made.kind} {json.dumps(spec)}")


def update(mesh: str, made: Made, spec: Any) -> Request:
    """The HTTP request."""
    operation = MODEL.operation(f"Update{NOUNS[made.kind].title}")
    params = made.request(mesh)
    path = re.sub(r"{(\w+)}", lambda found: params[found[1]], operation.http["requestUri"])
    body = json.dumps({"spec": spec}).encode()
    return Request(operation.http["method"], path, "", {"content-type": "application/json"}, body)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    directory = tmp_path_factory.mktemp("broken")
    system = System(directory)
    asyncio.run(system.fill(directory))
    yield system
    system.direct.close()


def test_every_broken_constraint_of_the_model_is_refused(
    system: System, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: Counter[tuple[Kind, str, str]] = Counter()

    async def each() -> None:
        for mesh, made in system.made:
            shape = spec_shape(made.kind)
            known = list(mistakes(shape, copy.deepcopy(made.spec), "spec"))
            for index, one in enumerate(known):
                place = re.sub(r"\d+", "N", one.path)
                if seen[made.kind, place, one.constraint] == REPEATED:
                    continue
                seen[made.kind, place, one.constraint] += 1
                spec = copy.deepcopy(made.spec)
                mistake = list(mistakes(shape, spec, "spec"))[index]
                mistake.apply()
                error = await system.refusal(mesh, made, spec)
                assert error.code == "BadRequestException", error
                assert f"'{mistake.path}' failed to satisfy" in error.message, error
                assert mistake.constraint in error.message, error

    asyncio.run(each())
    with capsys.disabled():
        print(f"\n{seen.total()} specs that break the model refused, {len(seen)} different ways")
    assert seen.total() >= 1000
    assert {kind for kind, _, _ in seen} == set(Kind)


def test_every_leaf_of_a_wrong_type_is_refused(system: System) -> None:
    seen: set[tuple[Kind, str]] = set()

    async def each() -> None:
        for mesh, made in system.made:
            for path, at in places(made.spec):
                if (made.kind, path) in seen:
                    continue
                seen.add((made.kind, path))
                spec = changed(made.spec, at, {"not": "this"})
                error = await system.refusal(mesh, made, spec)
                assert error.code == "SerializationException", error
                assert path.rpartition(".")[2].removesuffix("[]") in error.message, error

    asyncio.run(each())
    assert len(seen) > 200


def test_every_broken_rule_between_members_is_refused(
    system: System, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: Counter[int] = Counter()

    async def each() -> None:
        for mesh, made in system.made:
            found: dict[str, list[Place]] = {"": [()]}
            for path, at in places(made.spec, inner=True):
                found.setdefault(path, []).append(at)
            for number, rule in enumerate(RULES):
                unfit = rule.kind is not made.kind or rule.path not in found
                if unfit or seen[number] == REPEATED:
                    continue
                at = found[rule.path][0][: -1 if rule.around else None]
                old = value_at(made.spec, at)
                new = rule.change(copy.deepcopy(old))
                if new == old:
                    continue
                seen[number] += 1
                error = await system.refusal(mesh, made, changed(made.spec, at, new))
                assert error.code == "BadRequestException", (rule.path, error)
                assert rule.named in error.message, (rule.path, error.message)

    asyncio.run(each())
    with capsys.disabled():
        print(f"\n{seen.total()} specs that break a rule refused, {len(seen)} different ways")
    assert seen.total() >= 300
    never = [rule for number, rule in enumerate(RULES) if not seen[number]]
    assert [(rule.kind, rule.path) for rule in never if not impossible(rule)] == []
