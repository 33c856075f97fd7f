"""boto3 clients of a control plane's port, with our own models among AWS's.

Blocking, as boto3 is: call from a thread (``asyncio.to_thread``) inside the control plane.
"""

from __future__ import annotations

import functools
import threading
from typing import Any

from tealmesh.aws.wire.apimodel import models_path
from tealmesh.model.arn import DEFAULT_REGION


def client(
    service: str, endpoint: str, region: str = DEFAULT_REGION, access_key: str = "tealmesh"
) -> Any:
    """A boto3 client of ``service`` (``tealmesh`` included) at ``endpoint`` (http://host:port).

    No credentials are looked up: the port verifies no signatures, and the caller's own must not
    be sent to it. Host prefixes are off, for ``data-127.0.0.1`` resolves nowhere.
    """
    from botocore.config import Config

    config = Config(
        inject_host_prefix=False,
        proxies={},  # the user's are not for a port of this machine
        retries={"total_max_attempts": 2, "mode": "standard"},
        s3={"addressing_style": "path"},
    )
    with _making:
        return _session().client(
            service,
            endpoint_url=endpoint,
            region_name=region,
            aws_access_key_id=access_key,
            aws_secret_access_key="not-verified",  # noqa: S106 - it is none
            config=config,
        )


_making = threading.Lock()
"""A session makes one client at a time
(https://docs.aws.amazon.com/boto3/latest/guide/session.html#multithreading-or-multiprocessing-with-sessions).
"""


@functools.cache
def _session() -> Any:
    """One for all clients: each session reads and parses botocore's data files anew."""
    import boto3  # late: it takes a while, and not every command needs it
    import botocore.session

    session = botocore.session.Session()
    session.get_component("data_loader").search_paths.append(models_path())
    return boto3.Session(botocore_session=session)
