"""The control plane's side of moto's process: questions to it, and the watch over it.

Every question takes one of a few channels, in the order of arrival. If the process ends, or a
question takes longer than it may, those that are being answered get a 503, which SDKs repeat, and a
new process repeats the journal; what comes meanwhile waits for it, and no longer than a limit.
Whatever hangs there, in whichever way, nothing here does: the watch is by the event loop's clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from tealmesh.aws.moto import faults
from tealmesh.aws.moto.apart import frames
from tealmesh.aws.moto.apart.frames import Answer, Question
from tealmesh.aws.moto.apart.keeper import Keeper
from tealmesh.aws.moto.certificates import Issued
from tealmesh.aws.moto.journal import operation
from tealmesh.aws.wire.codec import Request, Response
from tealmesh.model.errors import AwsError, CertificateError, MotoEnded
from tealmesh.model.identity.iam_keys import IamKey

log = logging.getLogger(__name__)

_CHANNELS = 8
"""Questions that are answered at once."""

_MOST_WAITING = 1000
"""Questions that wait for a channel; more are refused at once."""


@dataclass(eq=False)
class _Job:
    """A question, and who waits for its answer."""

    head: Question
    body: bytes
    what: str
    """In words, for the log."""
    answer: asyncio.Future[tuple[Answer, bytes]] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def fail(self, why: str) -> None:
        if not self.answer.done():
            self.answer.set_exception(_unavailable(why))


class Apart:
    """moto in its process. All in one event loop; `run` has to run.

    A question may take ``seconds``, and wait as long for its turn. ``begun`` is called whenever
    moto has its journal.
    """

    def __init__(
        self, keeper: Keeper, seconds: float, begun: Callable[[], None] = lambda: None
    ) -> None:
        self._keeper = keeper
        self._seconds = seconds
        self._begun = begun
        self._wanted = asyncio.Event()
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue(_MOST_WAITING)
        self.pid = 0
        """The id of moto's process; 0 while there is none that answers."""

    async def answer(self, request: Request, service: str | None, request_id: str) -> Response:
        """moto's answer; errors are in the service's format too."""
        head = frames.question(request, service, request_id)
        what = operation(request)[:100] or f"{request.method} {request.path[:100]}"
        try:
            answer, body = await self._ask(head, request.body, f"{what} of {service}")
        except AwsError as error:
            return faults.shaped(service, request, error, request_id)
        return frames.response_of(answer, body)

    async def certificate(self, arn: str) -> Issued:
        """A certificate with its private key. Raises CertificateError if there is none, or moto
        does not answer.
        """
        question = Question(kind="certificate", name=arn)
        try:
            answer, _ = await self._ask(question, b"", f"the certificate {arn}")
        except AwsError as error:
            raise CertificateError(f"{arn}: {error}") from error
        if problem := answer.get("problem"):
            raise CertificateError(problem)
        return Issued(answer["certificate"], answer["issuers"], answer["private_key"])

    async def key(self, key_id: str) -> IamKey | None:
        """An access key of IAM or STS, with its secret; None if there is none. Raises AwsError if
        moto does not answer.
        """
        answer, _ = await self._ask(Question(kind="key", name=key_id), b"", f"the key {key_id}")
        if problem := answer.get("problem"):
            raise AwsError("InternalFailure", problem, status=500)
        found = answer.get("key")
        return IamKey(**found) if found is not None else None

    async def run(self) -> None:
        """Have a process from the first question on. Raises MotoEnded when it ends, and is to be
        run again; OSError if none can be started.
        """
        await self._wanted.wait()
        pairs = [socket.socketpair() for _ in range(_CHANNELS + 1)]
        try:
            await self._live(pairs)
        finally:
            self.pid = 0
            for pair in pairs:
                for end in pair:
                    end.close()

    async def _live(self, pairs: list[tuple[socket.socket, socket.socket]]) -> None:
        begun = await self._keeper.begin([theirs for _, theirs in pairs])
        for ours, theirs in pairs:
            ours.setblocking(False)
            theirs.close()
        if begun["ended"]:
            log.warning("the former process of moto has ended %s", begun["ended"])
        pid = begun["pid"]
        try:
            # Repeating the journal takes as long as it takes.
            answer, _ = await frames.exchange(pairs[0][0], Question(kind="load"), b"")
        except (EOFError, OSError) as error:
            raise MotoEnded(f"moto's process {pid} ended while it started") from error
        if "problem" not in answer:
            self._begun()
        self.pid = pid
        log.info("moto runs in process %d", pid)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch(pairs[-1][0], pid))
                for ours, _ in pairs[:-1]:
                    group.create_task(self._work(ours, pid))
        except BaseExceptionGroup as ended:
            raise ended.exceptions[0] from None

    async def _watch(self, channel: socket.socket, pid: int) -> None:
        """Raise MotoEnded when the process has ended. Nothing is sent through this channel."""
        with contextlib.suppress(OSError):
            await asyncio.get_running_loop().sock_recv(channel, 1)
        raise MotoEnded(f"moto's process {pid} has ended")

    async def _work(self, channel: socket.socket, pid: int) -> None:
        """Ask one question after the other. Raises MotoEnded."""
        while True:
            job = await self._jobs.get()
            if job.answer.done():
                continue  # nobody waits for it any more
            try:
                async with asyncio.timeout(self._seconds):
                    answer = await frames.exchange(channel, job.head, job.body)
            except TimeoutError:
                late = f"{job.what} took longer than {self._seconds:g} s"
                job.fail(late)
                raise MotoEnded(f"moto's process {pid} is ended: {late}") from None
            except BaseException as error:
                # Or cancelled, since another channel has found out first.
                job.fail("moto's process has ended")
                if isinstance(error, EOFError | OSError):
                    raise MotoEnded(f"moto's process {pid} ended during {job.what}") from error
                raise
            if not job.answer.done():
                job.answer.set_result(answer)

    async def _ask(self, head: Question, body: bytes, what: str) -> tuple[Answer, bytes]:
        """Raises AwsError ``ServiceUnavailable``."""
        job = _Job(head, body, what)
        try:
            self._jobs.put_nowait(job)
        except asyncio.QueueFull:
            raise _unavailable(f"{_MOST_WAITING} calls wait for moto") from None
        self._wanted.set()
        try:
            async with asyncio.timeout(2 * self._seconds):
                return await job.answer
        except TimeoutError:
            raise _unavailable(f"moto did not come to it in {2 * self._seconds:g} s") from None


def _unavailable(why: str) -> AwsError:
    text = f"the other AWS services do not answer at present ({why}): try again"
    return AwsError("ServiceUnavailable", text, status=503)
