"""A server that answers commands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.command_line import STATUS
from tests.cli.teal_api import TealApi, teal_api


@pytest.fixture
def api() -> Iterator[TealApi]:
    with teal_api() as server:
        server.operations["GetStatus"] = lambda _: STATUS
        server.operations["ListMembersWithoutEffect"] = lambda _: {"members": []}
        yield server
