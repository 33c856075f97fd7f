"""Tealmesh: blue/green and canary deployments for Amazon ECS over Envoy."""

import sys

__version__ = "0.1.0"

if sys.version_info < (3, 11):  # noqa: UP036 - pip checks it too, but not every way to get here is pip
    _HERE = f"{sys.executable} is {sys.version.split()[0]}"
    raise ImportError(f"Tealmesh needs Python 3.11 or newer, and {_HERE}")
