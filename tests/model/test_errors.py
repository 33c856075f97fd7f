"""The exception tree as drawn in `model/errors.py` is the package's whole exception tree."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator

import tealmesh
from tealmesh.model import errors

_LINE = re.compile(r"^(?P<indent>[│ ]*?(?:[├└]── )?)(?P<name>[A-Za-z_][\w.]*)(?: {2,}| |$)")


def _package_modules() -> Iterator[object]:
    yield tealmesh
    for module in pkgutil.walk_packages(tealmesh.__path__, "tealmesh."):
        if ".examples" not in module.name and not module.name.endswith("__main__"):
            yield importlib.import_module(module.name)


def _defined() -> dict[str, str]:
    """Name of each exception class of the package -> name of its base."""
    return {
        _name(value): _name(value.__bases__[0])
        for module in _package_modules()
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, BaseException)
        and value.__module__.startswith("tealmesh.")
    }


def _name(cls: type) -> str:
    """As the drawing names it: outside errors.py with its module."""
    if cls.__module__ in ("builtins", errors.__name__):
        return cls.__name__
    return f"{cls.__module__.removeprefix('tealmesh.')}.{cls.__qualname__}"


def _drawn() -> dict[str, str]:
    parents: list[str] = []
    tree: dict[str, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        match = _LINE.match(line.removeprefix("    ")) if line.startswith("    ") else None
        if match is None:
            continue
        depth = len(match["indent"]) // 4
        parents[depth:] = [match["name"]]
        tree[match["name"]] = parents[depth - 1] if depth else "Exception"
    tree.pop("Exception")
    # Of another library, drawn for what is below.
    tree.pop("sqlalchemy.exc.SQLAlchemyError")
    return tree


def test_the_drawing_shows_every_exception_class_below_its_base() -> None:
    assert _drawn() == _defined()
