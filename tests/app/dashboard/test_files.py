"""The page's files: sent compressed, kept by browsers for ever or not at all."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from tealmesh.app.dashboard.files import Files
from tests.support.programs.server import serve

SCRIPT = "export const x = 1;\n" * 200


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "built" / "assets").mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "built" / "index.html").write_text("<!doctype html><title>Tealmesh</title>")
    (tmp_path / "built" / "assets" / "app-5f3a.js").write_text(SCRIPT)
    return tmp_path / "built"


@contextmanager
def client(built: Path) -> Iterator[httpx.Client]:
    with (
        serve(Starlette(routes=Files(built).routes())) as url,
        httpx.Client(base_url=url, trust_env=False) as web,
    ):
        yield web


@pytest.fixture
def web(built: Path) -> Iterator[httpx.Client]:
    with client(built) as connected:
        yield connected


def test_the_page_is_asked_for_anew_and_its_files_are_kept(web: httpx.Client) -> None:
    page = web.get("/_teal/")
    assert page.headers["cache-control"] == "no-store"
    assert "script-src 'self'" in page.headers["content-security-policy"]
    script = web.get("/_teal/assets/app-5f3a.js")
    assert script.text == SCRIPT
    assert "immutable" in script.headers["cache-control"]
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert web.get("/_teal").headers["location"] == "/_teal/"


def test_who_takes_it_compressed_gets_it_so(web: httpx.Client) -> None:
    with web.stream("GET", "/_teal/assets/app-5f3a.js") as small:
        sent = b"".join(small.iter_raw())
    assert small.headers["content-encoding"] == "gzip"
    assert gzip.decompress(sent).decode() == SCRIPT
    plain = web.get("/_teal/assets/app-5f3a.js", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers


def test_a_file_that_is_built_again_is_sent_anew(web: httpx.Client, built: Path) -> None:
    web.get("/_teal/")
    (built / "index.html").write_text("<!doctype html><title>Another one</title>")
    assert "Another one" in web.get("/_teal/").text


def test_nothing_beside_the_files(web: httpx.Client) -> None:
    for name in ("../index.html", "..%2f..%2fsecret", "%2e%2e%2fsecret", ".hidden", "", "none.js"):
        assert web.get(f"/_teal/assets/{name}").status_code in (404, 308), name


def test_without_files_the_page_says_how_to_build_them(tmp_path: Path) -> None:
    with client(tmp_path) as web:
        page = web.get("/_teal/")
    assert page.status_code == 503
    assert "make dashboard" in page.text


def test_a_page_that_is_built_anew_has_another_script(built: Path) -> None:
    files = Files(built)
    assert files.script() == ""
    for name in ("index-1.js", "index-other.js"):
        text = f'<script type="module" crossorigin src="/_teal/assets/{name}"></script>'
        (built / "index.html").write_text(text)
        assert files.script() == name
    (built / "index.html").unlink()
    assert files.script() == ""


def test_who_waits_for_the_page_is_told(built: Path) -> None:
    loads: list[str] = []
    begun = Files(built, begun=lambda: loads.append("page"))
    with serve(Starlette(routes=begun.routes())) as url, httpx.Client(base_url=url) as web:
        web.get("/_teal/assets/app-5f3a.js")
        assert loads == []
        web.get("/_teal/")
        assert loads == ["page"]
