"""URLs at which a task asks the control plane about itself and for its role's credentials.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html
https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

from __future__ import annotations

import hashlib
import hmac

METADATA = "/_teal/metadata/v4"
CREDENTIALS = "/_teal/credentials"


def metadata_uri(endpoint: str, task_id: str, index: int) -> str:
    """ECS_CONTAINER_METADATA_URI_V4 of the task's container number ``index``."""
    return f"{endpoint}{METADATA}/{task_id}-{index}"


def credentials_uri(endpoint: str, task_id: str) -> str:
    """AWS_CONTAINER_CREDENTIALS_FULL_URI of a task, to be asked with its `authorization`."""
    return f"{endpoint}{CREDENTIALS}/{task_id}"


def credentials_path(key: bytes, task_id: str) -> str:
    """AWS_CONTAINER_CREDENTIALS_RELATIVE_URI of a task. The path itself is the credential: clients
    send no token with a relative URI.
    """
    return f"{CREDENTIALS}/{task_id}/{authorization(key, task_id)}"


def authorization(key: bytes, task_id: str) -> str:
    """AWS_CONTAINER_AUTHORIZATION_TOKEN of a task, derived from `Keys.credentials` so that it need
    not be stored.
    """
    return hmac.new(key, f"task role {task_id}".encode(), hashlib.sha256).hexdigest()
