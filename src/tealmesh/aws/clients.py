"""boto3 clients of a control plane's port, for AWS's services and our own.

boto3 blocks: inside the control plane, call it from a thread (``asyncio.to_thread``).
"""

from __future__ import annotations

import functools
import threading
from typing import Any
from urllib.parse import urlsplit

from tealmesh.aws.wire.apimodel import models_path
from tealmesh.model.arn import DEFAULT_REGION
from tealmesh.model.identity.caller import OURSELVES
from tealmesh.model.plane import leases


def client(
    service: str,
    endpoint: str,
    region: str = DEFAULT_REGION,
    access_key: str = OURSELVES,
    secret: str = "not-verified",  # noqa: S107 - the kernel says who we are
) -> Any:
    """A boto3 client of ``service`` (an AWS service or ``tealmesh``) at ``endpoint``
    (http://host:port).

    Inside the control plane ``secret`` is that of its own calls. The user's credentials are not
    used, and must not be sent. Host prefixes are off, since ``data-127.0.0.1`` does not resolve.
    """
    from botocore.config import Config

    config = Config(
        inject_host_prefix=False,
        proxies={},  # the port is on this machine
        retries={"total_max_attempts": 2, "mode": "standard"},
        s3={"addressing_style": "path"},
    )
    with _creating:
        return _session().client(
            service,
            endpoint_url=endpoint,
            region_name=region,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret,
            config=config,
        )


def client_of_aws(service: str, region: str, endpoint: str = "", *, attempts: int = 4) -> Any:
    """A boto3 client of ``service`` at AWS, or at the ``endpoint`` of a `teal up`, with the
    credentials of the environment, of the task or of the machine.

    A `teal up` on this machine knows us by the kernel, so nobody needs to have credentials for it.
    """
    from botocore.config import Config

    keys = {}
    with _creating:
        session = _session()
        if _is_local(endpoint) and session.get_credentials() is None:
            keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        # Elsewhere AWS_DISABLE_HOST_PREFIX_INJECTION says it: tasks of a `teal up` have it.
        as_named = {"inject_host_prefix": False} if endpoint else {}
        config = Config(
            **as_named,
            # Together no longer than an attempt may take under a lease: `model.plane.leases`.
            connect_timeout=1.5,
            read_timeout=leases.ATTEMPT_SECONDS - 1.5,
            max_pool_connections=32,
            retries={"total_max_attempts": attempts, "mode": "standard"},
        )
        return session.client(
            service, endpoint_url=endpoint or None, region_name=region, config=config, **keys
        )


def _is_local(endpoint: str) -> bool:
    return urlsplit(endpoint).hostname in ("127.0.0.1", "::1", "localhost")


_creating = threading.Lock()
"""A session may create only one client at a time
(https://docs.aws.amazon.com/boto3/latest/guide/session.html#multithreading-or-multiprocessing-with-sessions).
"""


@functools.cache
def _session() -> Any:
    """Shared by all clients, since each session parses botocore's data files again."""
    import boto3  # imported late: it is slow, and not every command needs it
    import botocore.session

    session = botocore.session.Session()
    session.get_component("data_loader").search_paths.append(models_path())
    return boto3.Session(botocore_session=session)
