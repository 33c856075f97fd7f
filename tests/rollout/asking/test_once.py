"""Webhooks and commands, really asked."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.responses import JSONResponse, RedirectResponse, Response

from tealmesh.model.clock import Wall, system_boot
from tealmesh.model.config.outside import Hook
from tealmesh.model.rollout import Verdict
from tealmesh.model.rollout.hooks import ProcessBody
from tealmesh.rollout.asking.command import end_former, run
from tealmesh.rollout.asking.http import MOST_BYTES, Web
from tealmesh.rollout.asking.once import Asker
from tealmesh.rollout.hooks.answers import Answer
from tealmesh.rollout.hooks.due import Due
from tests.rollout.asking.receiver import Asked, receiver
from tests.rollout.machine.walking import created
from tests.rollout.world import system
from tests.support.waiting import until

SUCCEEDED = {"hookStatus": "SUCCEEDED"}
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "LC_ALL": "C",
    "AWS_SECRET_ACCESS_KEY": "hidden",
    "TEALMESH_TOKEN": "hidden",
}


def ask(hook: Hook, directory: Path, details: str = "") -> Answer:
    async def began(process: ProcessBody) -> None:
        assert process["pid"] > 1

    async def once() -> Answer:
        web = Web()
        asker = Asker(web, lambda: Wall(1_700_000_000.0), "http://127.0.0.1:4566", ENVIRONMENT)
        d = replace(created(), seen={"blue": 100}, actor="tester")
        d = replace(d, gates=replace(d.gates, directory=str(directory)))
        try:
            return await asker.ask(d, system(), Due(hook, 2), 1, details, began)
        finally:
            await web.close()

    return asyncio.run(once())


def posted(url: str, **settings: object) -> Hook:
    return replace(Hook("PRE_SCALE_UP", "gate", url=url), **settings)


def program(code: str, **settings: object) -> Hook:
    hook = Hook("PRE_SCALE_UP", "test", command=(sys.executable, "-c", code))
    return replace(hook, **settings)


def test_a_webhook_is_told_of_the_deployment_and_signed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("open sesame\n")
    (tmp_path / "token").write_text("t0ken\n")
    with receiver(lambda asked: SUCCEEDED) as server:
        hook = posted(f"{server.url}/ask?x=1", secret_file="secret", token_file="token")
        answer = ask(hook, tmp_path, details='{"run": 7}')
    assert answer.verdict is Verdict.PASS
    (asked,) = server.asked
    told = json.loads(asked.body)
    assert (asked.method, asked.path) == ("POST", "/ask")
    assert told["lifecycleStage"] == "PRE_SCALE_UP"
    assert told["productionTrafficWeights"] == {"blue": 100}
    assert told["hookDetails"] == {"run": 7}
    assert (told["newImage"], told["newSide"], told["newNode"]) == ("web:2", "green", "web-green")
    assert told["startedBy"] == "tester"
    identity = told["executionId"]
    assert asked.headers["webhook-id"] == asked.headers["idempotency-key"] == identity
    assert asked.headers["authorization"] == "Bearer t0ken"
    signed = f"{identity}.1700000000.".encode() + asked.body
    digest = hmac.new(b"open sesame", signed, hashlib.sha256).digest()
    assert asked.headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"


def test_a_redirect_is_followed_on_the_same_host_alone(tmp_path: Path) -> None:
    with receiver(lambda asked: SUCCEEDED) as elsewhere:

        def answer(asked: Asked) -> object:
            if asked.path == "/moved":
                return RedirectResponse("/ask", 307)
            if asked.path == "/loop":
                return RedirectResponse("/loop", 308)
            if asked.path == "/see":
                return RedirectResponse("/ask", 303)
            if asked.path == "/away":
                return RedirectResponse(f"{elsewhere.url}/ask", 307)
            return SUCCEEDED

        with receiver(answer) as server:
            verdicts = {
                path: ask(posted(server.url + path), tmp_path).verdict
                for path in ("/moved", "/loop", "/see", "/away")
            }
    assert verdicts == {
        "/moved": Verdict.PASS,
        "/loop": Verdict.UNKNOWN,
        "/see": Verdict.UNKNOWN,
        "/away": Verdict.UNKNOWN,
    }
    assert not elsewhere.asked


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda asked: Response(b"x" * (MOST_BYTES + 1)), "more than 1048576 bytes"),
        (lambda asked: JSONResponse({}, 503), "HTTP 503"),
        (lambda asked: Response(b"<html>"), "without a hookStatus"),
    ],
)
def test_what_is_no_verdict_is_unknown(
    tmp_path: Path, answer: Callable[[Asked], object], words: str
) -> None:
    with receiver(answer) as server:
        said = ask(posted(server.url), tmp_path)
    assert said.verdict is Verdict.UNKNOWN
    assert words in said.detail


def test_a_webhook_that_hangs_is_left_at_its_limit(tmp_path: Path) -> None:
    with receiver(lambda asked: SUCCEEDED) as server:
        server.hangs = True
        said = ask(posted(server.url, timeout=0.05), tmp_path)
    assert said.verdict is Verdict.UNKNOWN
    assert said.detail == "gave no answer within its timeout of 0.05 s"


def test_nobody_there_is_said_without_what_may_be_secret(tmp_path: Path) -> None:
    said = ask(posted("http://127.0.0.1:1/ask?key=hidden"), tmp_path)
    assert said.verdict is Verdict.UNKNOWN
    assert "http://127.0.0.1:1/ask cannot be asked" in said.detail
    assert "hidden" not in said.detail


def test_a_secret_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    said = ask(posted("http://127.0.0.1:1", secret_file="none"), tmp_path)
    assert said == Answer(Verdict.UNKNOWN, "none cannot be read: No such file or directory")


def test_a_command_gets_the_deployment_and_none_of_our_secrets(tmp_path: Path) -> None:
    code = (
        "import json, os, sys; told = json.load(sys.stdin);"
        "json.dump({'told': told, 'env': dict(os.environ), 'cwd': os.getcwd()}, open('seen', 'w'))"
    )
    assert ask(program(code), tmp_path).verdict is Verdict.PASS
    seen = json.loads((tmp_path / "seen").read_text())
    assert seen["cwd"] == str(tmp_path)
    assert seen["told"]["newImage"] == "web:2"
    environment = seen["env"]
    assert environment["TEAL_NEW_IMAGE"] == "web:2"
    assert environment["TEAL_LIFECYCLE_STAGE"] == "PRE_SCALE_UP"
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert environment["LC_ALL"] == "C"
    assert "hidden" not in environment.values()


@pytest.mark.parametrize(
    ("code", "verdict"), [(0, Verdict.PASS), (1, Verdict.FAIL), (75, Verdict.NEED_DATA)]
)
def test_a_command_says_it_by_its_exit_code(tmp_path: Path, code: int, verdict: Verdict) -> None:
    said = ask(program(f"print('3 of 9 failed'); raise SystemExit({code})"), tmp_path)
    assert (said.verdict, said.detail) == (verdict, f"exited with {code}: 3 of 9 failed")


def test_a_command_is_ended_at_its_limit_with_all_that_it_started(tmp_path: Path) -> None:
    child = "import time, signal; signal.signal(15, signal.SIG_IGN); time.sleep(3600)"
    code = (
        "import pathlib, subprocess, sys, time;"
        f"p = subprocess.Popen([sys.executable, '-c', {child!r}]);"
        "pathlib.Path('child').write_text(str(p.pid));"
        "print('waits', flush=True); time.sleep(3600)"
    )
    said = ask(program(code, timeout=1.0), tmp_path)
    assert said.verdict is Verdict.UNKNOWN
    assert said.detail == "gave no answer within its timeout of 1 s: waits"
    pid = int((tmp_path / "child").read_text())
    until(lambda: gone(pid))


def test_a_command_is_ended_also_by_who_is_interrupted_twice(tmp_path: Path) -> None:
    """An abort ends it, and the control plane ends before the command does."""

    async def scenario() -> int:
        started = asyncio.get_running_loop().create_future()

        async def began(process: ProcessBody) -> None:
            started.set_result(process["pid"])

        code = (
            "import pathlib, signal, time;"
            "signal.signal(15, lambda *_: pathlib.Path('told').touch());"
            "pathlib.Path('ready').touch();"
            "[time.sleep(1) for _ in range(3600)]"
        )
        arguments = (sys.executable, "-c", code)
        asking = asyncio.create_task(run(arguments, str(tmp_path), {}, b"", 3600.0, began))
        pid: int = await started
        for seen in ("ready", "told"):
            while not (tmp_path / seen).exists():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        return pid

    assert gone(asyncio.run(scenario()))


def test_a_command_that_was_left_running_is_ended_and_no_other(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=-1, start_new_session=True)
    ticks = int(Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[19])
    left: ProcessBody = {"boot": system_boot()["boot"], "pid": child.pid, "ticks": ticks}
    for other in ({**left, "ticks": ticks + 1}, {**left, "boot": "another"}):
        asyncio.run(end_former(other))  # type: ignore[arg-type]
        assert child.poll() is None
    asyncio.run(end_former(left))
    assert child.wait() == -15
    assert child.stdin is not None
    child.stdin.close()
    asyncio.run(end_former(left))


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_what_a_command_leaves_running_does_not_hold_up_its_answer(tmp_path: Path) -> None:
    code = (
        "import os, subprocess, sys;"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(30)']);"
        "print(p.pid)"
    )
    said = ask(program(code, timeout=20.0), tmp_path)
    os.kill(int(said.detail.rpartition(" ")[2]), 9)
    assert said.verdict is Verdict.PASS


@pytest.mark.parametrize("command", [("./missing",), ("/",), ("no-such-program",)])
def test_a_command_that_cannot_be_started_is_named(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    said = ask(Hook("PRE_SCALE_UP", "x", command=command), tmp_path)
    assert said.verdict is Verdict.UNKNOWN
    assert said.detail.startswith(f"{command[0]} cannot be started: ")
