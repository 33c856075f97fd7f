"""Fuzzes every door with atheris, which looks for new paths through our code: `make fuzz`.

``python -m tests.security.fuzz [SECONDS [DOOR…]]``: so many seconds for each, one process each,
because libFuzzer ends its own. What it finds is left in build/fuzz, as a file that
``python -m tests.security.fuzz again DOOR FILE`` goes through again.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

DIRECTORY = Path("build/fuzz")


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["one"]:
        return _one(arguments[1], int(arguments[2]))
    from tests.security.fuzz.doors import DOORS

    if arguments[:1] == ["again"]:
        DOORS[arguments[1]](Path(arguments[2]).read_bytes())
        return 0
    seconds = int(arguments[0]) if arguments else 60
    failed = [door for door in arguments[1:] or DOORS if not _passes(door, seconds)]
    print(f"{len(failed)} doors failed: {', '.join(failed)}" if failed else "no door has failed")
    return bool(failed)


def _passes(door: str, seconds: int) -> bool:
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    log = DIRECTORY / f"{door}.log"
    command = [sys.executable, "-m", "tests.security.fuzz", "one", door, str(seconds)]
    with log.open("w") as output:
        code = subprocess.call(command, stdout=output, stderr=subprocess.STDOUT)
    said = log.read_text(errors="replace")
    last = [line for line in said.splitlines() if "exec/s" in line or line.startswith("Done")]
    print(f"{door}: {last[-1] if last else said[-300:]}", flush=True)
    if code:
        print(said[-3000:])
    return code == 0


def _one(name: str, seconds: int) -> int:
    """Does not return: libFuzzer exits."""
    import atheris

    with atheris.instrument_imports(include=["tealmesh"]):
        from tests.security.fuzz.doors import DOORS
    corpus = DIRECTORY / name
    corpus.mkdir(parents=True, exist_ok=True)
    limits = [f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048", "-max_len=1024"]
    atheris.Setup(
        [sys.argv[0], *limits, f"-artifact_prefix={DIRECTORY}/{name}-", str(corpus)], DOORS[name]
    )
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    sys.exit(main(sys.argv[1:]))
