"""An engine in a process of its own, to be killed:
``python -m tests.engine.task.engine_process DIR``.

It says ``running`` once it is at work and goes on until it is killed.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tealmesh.engine.engine import Engine
from tealmesh.store.store import Store
from tests.support.planes.engine import engine_context


async def main() -> None:
    directory = Path(sys.argv[1])
    store = Store.open(directory / "state.db")
    engine = Engine(engine_context(directory, store))
    print("running", flush=True)
    await engine.run()


if __name__ == "__main__":
    asyncio.run(main())
