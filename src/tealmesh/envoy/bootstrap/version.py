"""What an Envoy's bootstrap may contain, by its version: older ones do not start with what they do
not know. An Envoy of unknown version gets what every one takes.
"""

from __future__ import annotations

import re

from tealmesh.envoy.extensions.parts import FIRST_VERSION

Version = tuple[int, int]
"""Major and minor."""

FIRST_INJECTING = (1, 36)
"""The oldest Envoy whose `credential_injector` was tried as a filter of a cluster. Envoy has the
filter since 1.30, and App Mesh's last image is of 1.29."""

_ANSWER = re.compile(r"/(\d+)\.(\d+)\.\d+")
_GIVEN = re.compile(r"v?(\d+)\.(\d+)(\.\d+)*")


def told(answer: str) -> Version | None:
    """The version in what ``envoy --version`` writes; None if there is none:

    envoy  version: REVISION/1.40.0/Clean/RELEASE/BoringSSL
    """
    found = _ANSWER.search(answer)
    return (int(found[1]), int(found[2])) if found else None


def given(text: str) -> Version | None:
    """A version as people write it (1.29, v1.29.12); None for anything else."""
    found = _GIVEN.fullmatch(text)
    return (int(found[1]), int(found[2])) if found else None


def injects(version: Version | None) -> bool:
    """Whether it can send a token from a file to its control plane."""
    return version is not None and version >= FIRST_INJECTING


def exports(version: Version | None) -> bool:
    """Whether it can export its spans to its control plane, which takes its token."""
    return injects(version)


def forgets(version: Version | None) -> bool:
    """Whether it can forget the statistics of tasks that have gone."""
    return version is not None and version >= FIRST_VERSION
