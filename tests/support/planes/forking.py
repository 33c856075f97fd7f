"""The process that `warm` forks from.

It listens at the abstract Unix socket ``NAME``, imports `warm.PRELOADED`, and forks a process for
each order. A connection brings one order, with three file descriptors, and is told the process's id
and later its exit code; one that brings none keeps the server alive, which ends with the last.
It has one thread, so that it can fork at any time.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import threading
import traceback
from typing import TypedDict

LARGEST = 1 << 20
"""Bytes of an order, whose environment may be large."""


class Order(TypedDict):
    """A command of `warm.PROGRAMS` to run."""

    module: str
    """The one with its ``main``."""
    command: list[str]
    environment: dict[str, str]
    directory: str


class Forking:
    """The server: its connections, and the processes that it has forked."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._connections: set[socket.socket] = set()
        self._running: dict[int, socket.socket] = {}
        self._woken, self._wake = socket.socketpair()
        self._wake.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        signal.set_wakeup_fd(self._wake.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)
        # Ctrl-C reaches the whole process group, and pytest ends what it has begun.
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def serve(self) -> None:
        """Until nobody is connected any more."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._listener:
                    connection, _ = self._listener.accept()
                    self._connections.add(connection)
                    self._selector.register(connection, selectors.EVENT_READ)
                elif key.fileobj is self._woken:
                    self._woken.recv(LARGEST)
                    self._reap()
                elif key.fileobj in self._connections:
                    assert isinstance(key.fileobj, socket.socket)
                    self._heard(key.fileobj)
            if not self._connections:
                return

    def _heard(self, connection: socket.socket) -> None:
        message, received, _, _ = socket.recv_fds(connection, LARGEST, 3)
        if message:
            self._fork(connection, json.loads(message), received)
            return
        self._forget(connection)
        for pid, owner in self._running.items():
            if owner is connection:  # Whoever has begun it is gone.
                os.kill(pid, signal.SIGTERM)

    def _fork(self, connection: socket.socket, order: Order, streams: list[int]) -> None:
        pid = os.fork()
        if pid == 0:
            self._become(order, streams)
        for descriptor in streams:
            os.close(descriptor)
        self._running[pid] = connection
        with contextlib.suppress(OSError):
            connection.send(str(pid).encode())

    def _reap(self) -> None:
        while self._running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            connection = self._running.pop(pid)
            with contextlib.suppress(OSError):
                connection.send(str(os.waitstatus_to_exitcode(status)).encode())
            self._forget(connection)

    def _forget(self, connection: socket.socket) -> None:
        if connection in self._connections:
            self._connections.discard(connection)
            self._selector.unregister(connection)
            connection.close()

    def _become(self, order: Order, streams: list[int]) -> None:
        """The life of a process that was forked. Does not return."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self._selector.close()
            for end in (self._listener, self._woken, self._wake, *self._connections):
                end.close()
            for number, descriptor in enumerate(streams):
                os.dup2(descriptor, number)
                os.close(descriptor)
            code = _main(order)
        except SystemExit as end:
            code = _code(end.code)
        except BaseException:  # noqa: BLE001 - it is told, and the process ends
            traceback.print_exc()
        finally:
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.flush()
            os._exit(code & 0xFF)


def _code(given: object) -> int:
    """The exit code that `sys.exit` makes of what it is given."""
    if given is None or isinstance(given, int):
        return given or 0
    print(given, file=sys.stderr)
    return 1


def _main(order: Order) -> int:
    # The AWS CLI sets this where it is imported, as its own way to its models.
    names = {"AWS_DATA_PATH"} & os.environ.keys() if order["module"].startswith("awscli") else ()
    kept = {name: os.environ[name] for name in names}
    os.environ.clear()
    os.environ.update({**kept, **order["environment"]})
    os.chdir(order["directory"])
    sys.argv = order["command"]
    try:
        returned = importlib.import_module(order["module"]).main()
    finally:
        for thread in threading.enumerate():
            if thread is not threading.current_thread() and not thread.daemon:
                thread.join()
    return _code(returned)


def begin(name: str, *preloaded: str) -> None:
    """Import, listen and fork until nobody is connected any more."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        listener.bind(f"\0{name}")
    except OSError:
        return  # Another worker of this run was first.
    listener.listen(64)
    for module in preloaded:
        importlib.import_module(module)
    # The collector of what is forked need not look at what was imported, nor copy its pages.
    gc.collect()
    gc.freeze()
    Forking(listener).serve()
