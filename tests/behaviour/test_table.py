"""The table as a whole: it covers the model, each row proves only fields that its mesh has, and the
API accepts the mesh of every row.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from tealmesh.apis.appmesh.nouns import NOUNS
from tealmesh.apis.appmesh.quotas import Quotas
from tealmesh.aws.wire.apimodel import load_model
from tealmesh.aws.wire.validation import validate
from tealmesh.envoy.support import HANDLED
from tealmesh.model.mesh import Kind
from tests.behaviour import page
from tests.behaviour.coverage import model_leaves, proofs, used
from tests.behaviour.rows import ROWS
from tests.behaviour.table import resources
from tests.support.planes.appmesh import Direct

MODEL = load_model("appmesh")
ROUTES = (Kind.ROUTE, Kind.GATEWAY_ROUTE)


def test_there_are_many_rows_and_each_has_its_own_name() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS) >= 120
    assert [row.name for row in ROWS if not row.calls or not row.says] == []


def test_every_leaf_of_the_model_is_proven() -> None:
    assert proofs(ROWS).keys() == set(model_leaves())


def test_every_proven_leaf_is_declared_as_handled() -> None:
    handled = {f"{kind.value}.{path}" for kind, paths in HANDLED.items() for path in paths}
    assert proofs(ROWS).keys() - handled == set()


def test_a_row_proves_only_what_its_mesh_has() -> None:
    assert {
        row.name: set(row.proves) - used(row) for row in ROWS if set(row.proves) - used(row)
    } == {}


def test_the_page_is_up_to_date() -> None:
    assert page.PAGE.read_text() == page.text(), "run: python -m tests.behaviour.page"


def test_the_api_accepts_the_mesh_of_every_row(tmp_path: Path) -> None:
    """Rows whose meshes differ only in routes share one; their routes get longer names there."""
    direct = Direct(tmp_path / "state.db", Quotas(dict.fromkeys(Kind, 10_000)))
    meshes: dict[str, str] = {}

    async def create() -> None:
        for row in ROWS:
            made = resources(row)
            base = json.dumps([one for one in made if one[0] not in ROUTES])
            if base not in meshes:
                meshes[base] = f"m{len(meshes)}"
                for kind, _, name, spec in made:
                    if kind not in ROUTES:
                        await _create(direct, kind, (meshes[base], name), spec)
            for kind, parent, name, spec in made:
                if kind in ROUTES:
                    await _create(direct, kind, (meshes[base], parent, f"{row.name}-{name}"), spec)

    try:
        asyncio.run(create())
    finally:
        direct.close()


async def _create(direct: Direct, kind: Kind, names: tuple[str, ...], spec: Any) -> None:
    noun = NOUNS[kind]
    members = noun.name_members
    request = dict(zip(members, names[: len(members)], strict=True)) | {"spec": _filled(spec)}
    validate(MODEL, f"Create{noun.title}", request)
    await direct.call_async(f"create_{noun.verb_object}", **request)


def _filled(value: Any) -> Any:
    """The spec with a number in place of ``$SIX_PORT``."""
    if isinstance(value, dict):
        return {key: _filled(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(one) for one in value]
    return 1234 if value == "$SIX_PORT" else value
