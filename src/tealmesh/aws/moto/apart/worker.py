"""What runs in moto's process: a thread for each channel, which answers one question at a time."""

from __future__ import annotations

import fcntl
import logging
import os
import socket
import threading
from collections.abc import Sequence
from pathlib import Path

from tealmesh.aws.moto import faults
from tealmesh.aws.moto.apart import frames
from tealmesh.aws.moto.apart.frames import Answer, KeyFields, Question
from tealmesh.aws.moto.backend import Moto
from tealmesh.aws.moto.journal_file import opened_lock
from tealmesh.aws.wire.codec import Response
from tealmesh.model.errors import AwsError, CertificateError, TealError
from tealmesh.model.identity.iam_keys import IamKey

log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.5
_AFTER_TROUBLE_SECONDS = 60.0

_MORE = "`teal up --moto-memory` gives it more"


def serve(channels: Sequence[socket.socket], journal: Path) -> None:
    """Answer what comes through ``channels`` until one of them is closed. Does not return."""
    _wait_for_former(journal)
    moto = Moto(journal)
    for channel in channels:
        threading.Thread(target=_serve, args=(moto, channel), daemon=True).start()
    while True:
        threading.Event().wait(_renew(moto))


def _renew(moto: Moto) -> float:
    """Follow `teal keys rotate`, also where nothing is written, so that the former key can be
    retired. Returns for how many seconds that is enough.
    """
    try:
        moto.renew()
    except (OSError, TealError) as error:
        log.error("the journal keeps its former key: %s", error)
        return _AFTER_TROUBLE_SECONDS
    return _LOOK_SECONDS


def _wait_for_former(journal: Path) -> None:
    """Have the journal alone: the process of a control plane that was killed may not have ended
    yet. The lock ends with this process.
    """
    fcntl.flock(opened_lock(journal), fcntl.LOCK_EX)


def _serve(moto: Moto, channel: socket.socket) -> None:
    try:
        while True:
            question, body = frames.receive(channel)
            head, answer = _answer(moto, question, body)
            del body
            frames.send(channel, head, answer)
    except (EOFError, OSError):
        os._exit(0)  # the control plane has ended, or has given us up
    except BaseException:
        log.exception("moto's process has failed")
        os._exit(1)


def _answer(moto: Moto, question: Question, body: bytes) -> tuple[Answer, bytes]:
    kind = question["kind"]
    if kind == "answer":
        response = _response(moto, question, body)
        return Answer(status=response.status, headers=dict(response.headers)), response.body
    try:
        if kind == "certificate":
            given = moto.certificate(question["name"])
            texts = Answer(certificate=given.certificate, issuers=given.issuers)
            return Answer(**texts, private_key=given.key), b""
        if kind == "key":
            key = moto.key(question["name"])
            return Answer(key=_fields(key)) if key is not None else Answer(), b""
        moto.load()
    except (AwsError, CertificateError) as error:
        return Answer(problem=str(error)), b""
    except MemoryError:
        log.error("moto has not enough memory to repeat the journal: %s", _MORE)
        return Answer(problem=_MORE), b""
    return Answer(), b""


def _fields(key: IamKey) -> KeyFields:
    return KeyFields(
        key_id=key.key_id,
        secret=key.secret,
        arn=key.arn,
        decides=key.decides,
        token=key.token,
        expires=key.expires,
        tagged=key.tagged,
        status=key.status,
    )


def _response(moto: Moto, question: Question, body: bytes) -> Response:
    request = frames.request_of(question, body)
    service, request_id = question["service"], question["request_id"]
    try:
        response = moto.answer(request, service, request_id)
    except MemoryError:
        text = f"moto has not enough memory for that: {_MORE}"
        error = AwsError("InternalFailure", text, status=501)
        return faults.shaped(service, request, error, request_id)
    if len(response.body) > frames.MAX_BODY_BYTES:
        text = f"an answer may have {frames.MAX_BODY_BYTES} bytes: ask for a part of it"
        error = AwsError("RequestEntityTooLarge", text, status=413)
        return faults.shaped(service, request, error, request_id)
    return response
