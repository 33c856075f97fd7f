"""Files that are not as any program writes them: `teal import` says in one line what is wrong."""

from __future__ import annotations

import codecs
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.migration.found import Found, settled
from tealmesh.migration.readers import Text, files, read
from tealmesh.migration.readers.yaml import MOST_VALUES
from tealmesh.model.errors import TealError
from tests.migration.samples import SAMPLES

MESH = json.dumps({"meshName": "shop", "spec": {}})
POINTER = json.dumps({"version": 3, "serial": 1, "lineage": "x", "backend": {"type": "s3"}})
"""What Terraform keeps in `.terraform` where a state is elsewhere."""


def found(data: str | bytes, *, alone: bool = True) -> Found:
    return settled(read([Text("file", data, alone)], {}))


def said_of(texts: list[Text]) -> list[str]:
    """The remarks, or the error."""
    try:
        return [one.text for one in settled(read(texts, {})).remarks]
    except TealError as error:
        return [str(error)]


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "file is empty"),
        (b" \n\n", "file is empty"),
        (b"\x1f\x8b\x08\x00", "file is compressed: gunzip it first"),
        (b"PK\x03\x04\x14\x00", "terraform show -json FILE"),
        (b"a: 1\nb: \xff\xfe\n", "file is not UTF-8 text: line 2 has other bytes"),
        (b"\x00\x01\x02", "file is neither JSON nor YAML"),
        (MESH[:-1], "file is not JSON"),
        ('{"meshName": "a",\n "meshName": "b"}', "file, line 2, has meshName twice in one object"),
        ("kind: Mesh\napiVersion: x\nkind: Mesh\n", "file, line 3, .*kind is there twice"),
        ("a: &a\n  b: *a\n", "file has more than|nested too deeply|is not known"),
        (bomb(9), f"file has more than {MOST_VALUES} values, by its aliases"),
        ("[" * 100_000, "file is nested too deeply"),
        ("a: " + "[" * 5_000, "file is nested too deeply"),
        ('{"meshName": NaN}', "file is not JSON: NaN is not a JSON number"),
        ('{"meshName": "\\ud800", "spec": {}}', "half a character"),
        ("a: !!int x\n", "file is not YAML"),
        ('resource "aws_appmesh_mesh" "shop" {\n  name = "shop"\n}\n', "give the state"),
        ("kind: Mesh\nname: {{ .Values.mesh }}\n", "helm template"),
        ('{"version": 4, "serial": 1, "lineage": "x", "resources": 7}', "resources must be a list"),
        ('{"serial": 1, "lineage": "x", "encrypted_data": "e"}', "file is encrypted"),
        ('{"meta": {}, "encrypted_data": "e"}', "file is encrypted"),
        (POINTER, "file only says where the state is .backend s3.: `terraform state pull`"),
        ('{"Resources": {"A": {"Type": "AWS::AppMesh::Mesh", "Properties": 3}}}', "object, not 3"),
        ("apiVersion: appmesh.k8s.aws/v1beta2\nkind: Mesh\n", "Mesh: it has no metadata.name"),
    ],
)  # fmt: skip
def test_one_line_says_what_is_wrong(data: str | bytes, said: str) -> None:
    with pytest.raises(TealError, match=said) as raised:
        found(data)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_what_windows_wrote_is_read(encoding: str) -> None:
    (mesh,) = found(MESH.encode(encoding)).resources
    assert mesh.name.name == "shop"
    assert codecs.lookup(encoding)


def test_other_files_of_a_directory_are_left_out_with_a_word(tmp_path: Path) -> None:
    (tmp_path / "mesh.json").write_text(MESH)
    (tmp_path / "package.json").write_text('{"dependencies": {"appmesh": "1"}}')
    (tmp_path / "other.yaml").write_text("hello: world")
    (tmp_path / "broken.json").write_text('{"appmesh": ')
    for hidden in (".terraform", "node_modules"):
        (tmp_path / hidden).mkdir()
        (tmp_path / hidden / "x.json").write_text("{")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "gone.json").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "pipe.json")
    inner = list(files(tmp_path))
    assert [one.name for one in inner] == ["broken.json", "mesh.json", "other.yaml", "package.json"]
    result = settled(read([Text(one.name, one.read_bytes(), alone=False) for one in inner], {}))
    assert [one.name.name for one in result.resources] == ["shop"]
    said = {one.where: one.text for one in result.remarks}
    assert said["package.json"] == "is of none of the kinds that are read: left out"
    assert said["broken.json"].startswith("cannot be read (broken.json is not JSON")
    assert "other.yaml" not in said, "it has nothing to do with App Mesh"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"listeners": "x"}, "STRING_VALUE cannot be converted to List at 'spec.listeners'"),
        ({"listeners": [{"portMapping": {"port": "x", "protocol": "http"}}]}, "to Integer"),
        ({"listeners": [{"portMapping": {"port": 0, "protocol": "http"}}]}, "'0' at"),
        ({"listeners": [{"portMapping": {"port": 8080, "protocol": "htp"}}]}, "'htp'"),
        ([1], "LIST_VALUE cannot be converted to Structure at 'spec'"),
    ],
)
def test_what_app_mesh_would_refuse_refuses_all(spec: Any, said: str) -> None:
    node = {"meshName": "shop", "virtualNodeName": "web", "spec": spec}
    refused = [one for one in found(json.dumps(node)).remarks if one.refuses]
    assert any(said in one.text for one in refused), refused


def parts(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each container with a key of it."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in list(inner):
        yield value, key
        if isinstance(one, dict | list):
            yield from parts(one)


ODD = st.sampled_from(
    [None, True, 0, -1, 2**70, 1.5, "", "x", "\x1b[31m", [], [None], {}, {"x": []}]
)


@given(data=st.data(), name=st.sampled_from(sorted(SAMPLES)))
def test_no_value_in_a_wrong_place_is_more_than_an_error(data: st.DataObject, name: str) -> None:
    """Whatever stands where something else is expected: it is read, or refused in one line."""
    documents = [json.loads(json.dumps(one)) for one in SAMPLES[name]]
    for _ in range(data.draw(st.integers(1, 3))):
        container, key = data.draw(st.sampled_from(list(parts(documents))))
        if data.draw(st.booleans()) and isinstance(container, dict):
            container.pop(key, None)
        else:
            container[key] = data.draw(ODD)
    texts = [Text(name, json.dumps(one)) for one in documents]
    assert not [one for one in said_of(texts) if "\n" in one]


@given(data=st.data(), name=st.sampled_from(sorted(SAMPLES)))
def test_no_damaged_file_is_more_than_an_error(data: st.DataObject, name: str) -> None:
    text = "\n".join(json.dumps(one, indent=1) for one in SAMPLES[name]).encode()
    at = data.draw(st.integers(0, len(text)))
    cut = data.draw(st.integers(0, 40))
    put = data.draw(st.binary(max_size=4) | st.sampled_from([b"", b"{", b'"', b"&a ", b"- "]))
    texts = [Text(name, text[:at] + put + text[at + cut :])]
    assert not [one for one in said_of(texts) if "\n" in one]
