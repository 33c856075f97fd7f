"""Runs the control plane of a one-machine cloud: `teal up`.

Begin with `run`, then `app.parts.together`. What each part expects of the others is in design note
001.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Mapping

from tealmesh.apis.servicediscovery.dns_server import respond_in_task
from tealmesh.app.host import (
    HOST,
    RESOLVER_HOST,
    endpoint,
    forget_former,
    keys,
    listen,
    only_one,
    unusable,
)
from tealmesh.app.lost_state import (
    DATABASE,
    JOURNAL,
    check_containers,
    check_directory,
    check_state,
)
from tealmesh.app.parts.ground import Ground
from tealmesh.app.parts.together import on_one_machine
from tealmesh.app.running import run_parts
from tealmesh.app.settings import AppConfig as AppConfig
from tealmesh.app.settings import AppInfo as AppInfo
from tealmesh.app.transport.tls import Beyond, beyond_loopback
from tealmesh.app.troubles import TroubleLog
from tealmesh.aws.moto.apart.keeper import Keeper, Settings, forked
from tealmesh.engine.former import any_former
from tealmesh.engine.runtimes.build import Built, build
from tealmesh.engine.runtimes.launch import ControlPlane
from tealmesh.engine.runtimes.process.users import can_choose, run_as
from tealmesh.model.clock import system_clock
from tealmesh.model.ecs.names import task_id
from tealmesh.model.errors import TealError
from tealmesh.model.identity.keys import Keys
from tealmesh.rollout.applying.configured import store_images
from tealmesh.store import Store, tables
from tealmesh.supervision.supervisor import Supervisor


async def run(
    config: AppConfig,
    *,
    ready: Callable[[AppInfo], None] | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Run a control plane until ``stop`` is set. Its tasks keep running.

    Raises TealError, which says what to do, if it cannot start.
    """
    stop = stop or asyncio.Event()
    with (
        only_one(config.data_dir, config.port),
        listen(config.port, "--port") as listener,
        forked(_of_moto(config)) as moto,  # first of all: there are no threads yet
        beyond_loopback(config.listening) as beyond,
    ):
        check_directory(config.data_dir)
        store = Store.open(config.data_dir / DATABASE)
        try:
            check_state(config.data_dir, store)
            await _run(config, store, listener, moto, beyond, ready, stop)
        except OSError as error:
            # From starting: errors of running parts arrive in an exception group.
            raise unusable(config.data_dir, error) from error
        finally:
            store.close()


async def _run(
    config: AppConfig,
    store: Store,
    listener: socket.socket,
    moto: Keeper,
    beyond: Beyond,
    ready: Callable[[AppInfo], None] | None,
    stop: asyncio.Event,
) -> None:
    log = TroubleLog(store)
    supervisor = Supervisor(system_clock, told=log.tell)
    secrets = _keys(config, store)
    built = await _built(config, store, supervisor, secrets)
    await _check_containers(config, store, built)
    ground = Ground(config, store, stop, supervisor, secrets, log, beyond)
    plane, machine = on_one_machine(ground, config, built, moto)
    await store_images(store, config.config_file)

    def started() -> None:
        if ready is not None:
            ready(AppInfo(ground.endpoint, config.data_dir, built.description))

    await run_parts(ground, plane, listener, started, machine.read_load_balancers)


def _of_moto(config: AppConfig) -> Settings:
    level = logging.getLogger().getEffectiveLevel()
    ports = (config.port, config.xds_port)
    return Settings(config.data_dir / JOURNAL, config.moto_memory << 20, ports, level)


async def _check_containers(config: AppConfig, store: Store, built: Built) -> None:
    """Raise TealError if containers run whose tasks the store does not know."""
    known = [task_id(document.body) for document in store.view.list(tables.TASKS)]
    try:
        check_containers(config.data_dir, await built.runtime.strangers(known))
    except TealError:
        await built.runtime.close()
        raise


def _keys(config: AppConfig, store: Store) -> Keys:
    """The secrets of the data directory, without an earlier version's if nothing needs it."""
    found = keys(config.data_dir)
    if found.former and not any_former(store.view):
        forget_former(config.data_dir)
        found = keys(config.data_dir)
    return found


def _check_task_user(user: str) -> None:
    if user and not can_choose():
        raise TealError(f"--task-user {user}: only root can run tasks as another user")
    if user:
        try:
            run_as(user)
        except TealError as error:
            raise TealError(f"--task-user: {error}") from error
    elif os.geteuid() == 0 and not can_choose():
        logging.getLogger(__name__).warning(
            "processes run as root: this machine lets it have no other users, as in a container "
            "without the capability SETUID"
        )


async def _built(config: AppConfig, store: Store, supervisor: Supervisor, secrets: Keys) -> Built:
    """The runtimes of this control plane's tasks. Raises TealError for a wrong ``task_user``."""
    _check_task_user(config.task_user)
    plane = ControlPlane(
        endpoint=endpoint(config),
        xds_address=f"{HOST}:{config.xds_port}",
        keys=secrets,
        dns_address=(RESOLVER_HOST, config.xds_port),
        region=config.region,
        host_paths=config.host_paths,
        task_user=config.task_user,
        traced=config.trace,
    )

    def respond(question: bytes, fixed: Mapping[str, str], udp: bool) -> bytes | None:
        return respond_in_task(question, store.view, fixed, udp=udp)

    return await build(
        config.runtime, config.data_dir, store, plane, respond, os.environ, supervisor
    )
