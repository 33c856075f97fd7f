"""`teal init` writes a teal.toml that works, and overwrites nothing."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tealmesh.cli.system import scaffold
from tealmesh.model.config.parse import parse
from tests.cli.command_line import assert_one_line, teal


def test_a_sample_where_there_is_nothing(tmp_path: Path) -> None:
    here = tmp_path / "My Shop!"
    here.mkdir()
    done = teal("init", cwd=here)
    assert done.returncode == 0, done.stderr
    assert "teal up -d && teal apply" in done.stdout
    config = parse((here / "teal.toml").read_text())
    assert config.mesh == "my-shop"
    assert config.services["web"].health_path == "/health"
    assert [image.command[1] for image in config.images] == ["app.py"] * 3
    compile((here / "app.py").read_text(), "app.py", "exec")
    assert_one_line(teal("init", cwd=here), "teal.toml is there already")


def test_an_application_of_the_users(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("mine")
    assert_one_line(teal("init", cwd=tmp_path), "say how to start your application with --command")
    assert not (tmp_path / "teal.toml").exists()
    done = teal("init", "--command", "node 'my server.js'", "--health-path", "/up", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "app.py").read_text() == "mine"
    config = parse((tmp_path / "teal.toml").read_text())
    assert config.images[0].command == ("node", "my server.js")
    assert config.services["web"].health_path == "/up"


@given(st.text(), st.lists(st.text(st.characters(exclude_characters="\0"), min_size=1), min_size=1))
def test_what_is_written_is_accepted(directory: str, command: list[str]) -> None:
    try:
        directory.encode()
        "".join(command).encode()
    except UnicodeEncodeError:
        return
    images = scaffold.own_images(command)
    text = scaffold.teal_toml(scaffold.mesh_name(directory), images, "/", 9080)
    assert parse(text).images[0].command == tuple(command)
