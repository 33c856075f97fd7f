"""Models of APIs, in files where the AWS CLI and SDKs find them.

https://docs.aws.amazon.com/botocore/latest/reference/loaders.html
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Mapping
from pathlib import Path

import tealmesh
from tealmesh.model.errors import TealError

DEFAULT = "~/.aws/models"
"""Where botocore, and so the AWS CLI and boto3, look by themselves."""
_PARTS = ("service-2", "endpoint-rule-set-1", "paginators-1", "waiters-2")
_SERVICE = "appmesh"


def installed(directory: Path) -> tuple[list[str], str]:
    """Write the models of App Mesh and of Tealmesh's own API below ``directory``; what is there of
    them is written anew. Returns ``SERVICE VERSION`` of each, and where that of App Mesh is from.
    Raises TealError if the installed botocore has none, or if the directory cannot be written.
    """
    version, parts, source = _of_botocore()
    own = Path(tealmesh.__file__).parent / "aws" / "models" / "tealmesh"
    (released,) = sorted(one.name for one in own.iterdir())
    model = {"service-2": (own / released / "service-2.json").read_bytes()}
    written = [(_SERVICE, version, parts), ("tealmesh", released, model)]
    for service, its_version, files in written:
        _write(directory / service / its_version, files)
    return [f"{service} {its_version}" for service, its_version, _ in written], source


def _of_botocore() -> tuple[str, dict[str, bytes], str]:
    """The newest version of App Mesh's model that botocore has, by part, and where it is from."""
    import botocore
    from botocore.exceptions import DataNotFoundError
    from botocore.loaders import Loader

    loader = Loader()
    try:
        version = loader.determine_latest_version(_SERVICE, "service-2")
    except DataNotFoundError as error:
        raise TealError(
            f"botocore {botocore.__version__} has no model of App Mesh any more: run this where "
            "`pip install 'botocore<1.45'` has installed one that does (1.44.8 is known to)"
        ) from error
    # What an earlier run has written is among the paths too, and may be damaged.
    own = Loader.BUILTIN_DATA_PATH
    for path in sorted(loader.search_paths, key=lambda one: one != own):
        if parts := _parts(Path(path) / _SERVICE / version):
            return version, parts, f"botocore {botocore.__version__} ({path})"
    raise TealError(f"botocore {botocore.__version__} has a model of App Mesh in no file")


def _parts(directory: Path) -> dict[str, bytes]:
    """The files of a model by part, uncompressed: earlier versions of the AWS CLI want that. Raises
    TealError for one that is not JSON.
    """
    found: dict[str, bytes] = {}
    for part in _PARTS:
        plain, zipped = directory / f"{part}.json", directory / f"{part}.json.gz"
        try:
            if plain.exists():
                found[part] = plain.read_bytes()
            elif zipped.exists():
                found[part] = gzip.decompress(zipped.read_bytes())
            json.loads(found.get(part, b"{}"))
        except (OSError, EOFError, ValueError) as error:
            raise TealError(f"{directory}: its {part} is damaged ({error}): delete it") from error
    return found if "service-2" in found else {}


def _write(directory: Path, files: Mapping[str, bytes]) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for part, content in files.items():
            new = directory / f".{part}.new"
            new.write_bytes(content)
            os.replace(new, directory / f"{part}.json")
    except OSError as error:
        raise TealError(f"{directory} cannot be written: {error.strerror}") from error
