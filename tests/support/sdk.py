"""boto3 and the AWS CLI (version 1, from the virtual environment), with an endpoint of ours."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

import boto3
from botocore.config import Config

from tealmesh.model.arn import DEFAULT_REGION
from tests.support.planes import warm

KEY, SECRET = "AKIDTEST", "secret"


def client(url: str, service: str, region: str = DEFAULT_REGION) -> Any:
    """A boto3 client that does not retry, so that every error is seen."""
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        # Without this, DiscoverInstances would go to the host "data-127.0.0.1".
        config=Config(
            retries={"total_max_attempts": 1}, read_timeout=100, inject_host_prefix=False
        ),
    )


def environment(url: str) -> dict[str, str]:
    """Environment variables for the AWS CLI."""
    return {
        **os.environ,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": DEFAULT_REGION,
        "AWS_ENDPOINT_URL": url,
        "AWS_PAGER": "",
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
    }


def aws(url: str, *arguments: str) -> Any:
    """Run the AWS CLI; return its JSON output, or None if it prints nothing."""
    done = run(["aws", "--output", "json", *arguments], environment(url))
    return json.loads(done.stdout) if done.stdout.strip() else None


def run(
    command: Sequence[str], environment: Mapping[str, str], *, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a command of `warm.PROGRAMS` to its end. Raises AssertionError if it fails, unless told
    not to check.
    """
    done = warm.run(command, environment, timeout=110)
    if check and done.returncode != 0:
        raise AssertionError(f"{command} -> {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done
