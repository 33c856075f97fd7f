"""What is known before a deployment starts, and whether that speaks for it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tealmesh.model.errors import AwsError
from tealmesh.model.rollout import Deployment
from tealmesh.model.rollout.plan import Known
from tealmesh.model.said import counted
from tealmesh.model.spans import span
from tealmesh.rollout.gates import preflight
from tealmesh.rollout.gates.preflight import Before
from tealmesh.rollout.planning.notes import notes
from tealmesh.rollout.planning.present import Present


def known(
    before: Before, d: Deployment, present: Present, image_problem: str, force: bool
) -> Iterator[Known]:
    """``d``: the deployment as it would begin. ``image_problem``: why tasks of its image could not
    be started; empty if they can be, or if nobody knows before they are.
    """
    yield from _image(before, d, image_problem, force)
    yield _tasks(before)
    yield _callers(before)
    yield _traffic(before, present)
    for note in notes(before, d.strategy, d.gates, present):
        yield Known("note", "note", note)


def _image(before: Before, d: Deployment, problem: str, force: bool) -> Iterator[Known]:
    if problem:
        yield Known("refused", "image", problem)
        return
    try:
        preflight.refuse_running(before, d.new_image)
    except AwsError as error:
        yield Known("note" if force else "done", "image", error.message)
        return
    yield Known("ok", "image", f"nothing is known against starting tasks of {d.new_image}")


def _tasks(before: Before) -> Known:
    tasks = before.tasks
    healthy = f"{tasks.healthy} of {counted(tasks.desired, 'task')} of {before.active} healthy"
    whole = tasks.healthy >= tasks.desired > 0
    return Known("ok" if whole else "note", "tasks", f"{healthy}, with all the weight")


def _callers(before: Before) -> Known:
    reporters = before.traffic.reporters
    if not reporters:
        return Known("note", "callers", "no Envoy of a caller or gateway reports")
    verb = "reports" if reporters == 1 else "report"
    return Known("ok", "callers", f"{counted(reporters, 'Envoy')} of callers {verb}")


def _traffic(before: Before, present: Present) -> Known:
    seen = before.traffic
    if present.rate is None:
        return Known("note", "traffic", "has not been seen long enough to tell")
    lately = f"in the last {span(seen.seconds)}"
    if not present.rate:
        return Known("note", "traffic", f"no request {lately}")
    of_side = f"{seen.requests} to {before.active}"
    failed = f", {seen.failures} of {of_side} failed" if seen.failures else ", none failed"
    if not seen.requests:
        failed = f", none of them to {before.active}"
    return Known("ok", "traffic", f"{present.rate:.1f} requests a second {lately}{failed}")
