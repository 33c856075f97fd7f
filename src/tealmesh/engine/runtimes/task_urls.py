"""Where a task asks about itself and for its credentials: URLs of the control plane."""

from __future__ import annotations

import hashlib
import hmac

METADATA = "/_teal/metadata/v4"
CREDENTIALS = "/_teal/credentials"


def metadata_uri(endpoint: str, task_id: str, index: int) -> str:
    """ECS_CONTAINER_METADATA_URI_V4 of the task's container number ``index``."""
    return f"{endpoint}{METADATA}/{task_id}-{index}"


def credentials_uri(endpoint: str, task_id: str) -> str:
    """AWS_CONTAINER_CREDENTIALS_FULL_URI of a task."""
    return f"{endpoint}{CREDENTIALS}/{task_id}"


def credentials_path(secret: str, task_id: str) -> str:
    """AWS_CONTAINER_CREDENTIALS_RELATIVE_URI of a task: whoever knows it may ask."""
    return f"{CREDENTIALS}/{task_id}/{authorization(secret, task_id)}"


def authorization(secret: str, task_id: str) -> str:
    """AWS_CONTAINER_AUTHORIZATION_TOKEN of a task. Worked out from the data directory's secret,
    so that it need not be kept anywhere.
    """
    return hmac.new(secret.encode(), f"task role {task_id}".encode(), hashlib.sha256).hexdigest()
