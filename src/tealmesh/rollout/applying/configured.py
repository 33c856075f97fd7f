"""What `teal up --config` takes from a teal.toml at its start."""

from __future__ import annotations

from pathlib import Path

from tealmesh.model.config.nouns import Additions
from tealmesh.model.config.parse import parse_additions
from tealmesh.model.errors import TealError
from tealmesh.rollout.applying.additions import put_additions
from tealmesh.rollout.documents import image_body
from tealmesh.rollout.system import additions_in
from tealmesh.store import Store, Transaction, tables


async def store_images(store: Store, file: Path | None) -> None:
    """Store ``[images]`` and ``[adopted]`` of the configuration file. Raises TealError if it is
    wrong.
    """
    if file is None:
        return
    directory = str(file.parent)
    additions = _read(file)
    bodies = {image.pattern: image_body(image, directory) for image in additions.images}

    def put(transaction: Transaction) -> None:
        for pattern, body in bodies.items():
            transaction.put(tables.IMAGES, pattern, body=body)
        put_additions(transaction, additions, directory)

    await store.write("teal up", "TakeImages", put)


def _read(file: Path) -> Additions:
    try:
        additions = parse_additions(file.read_text(), str(file))
        return additions_in(additions, str(file.parent.resolve()))
    except (OSError, UnicodeDecodeError) as error:
        raise TealError(f"{file} cannot be read: {error}") from error
