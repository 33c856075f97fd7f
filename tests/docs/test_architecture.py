"""The picture in CONTRIBUTING.md shows the import graph as it is."""

from __future__ import annotations

from tests.docs.scripts import load


def test_the_picture_is_current() -> None:
    architecture = load("architecture")
    text = architecture.PAGE.read_text()
    assert architecture.BEGIN in text
    assert text == architecture.page(text), "run `python docs/architecture.py`"


def test_the_picture_shows_every_package_that_there_is() -> None:
    architecture = load("architecture")
    source = architecture.PAGE.parent / "src" / "tealmesh"
    packages = {path.parent.name for path in source.glob("*/__init__.py")}
    shown = {name.partition(".")[0] for name in architecture.PACKAGES}
    assert packages - {"examples"} == shown


def test_a_folder_has_at_most_twenty_modules() -> None:
    source = load("architecture").PAGE.parent / "src" / "tealmesh"
    counts = {
        str(folder.relative_to(source)): len(list(folder.glob("*.py"))) - 1
        for folder in source.rglob("*/")
    }
    assert {name: count for name, count in counts.items() if count > 20} == {}
