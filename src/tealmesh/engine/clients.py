"""boto3 clients of our own port, for what the engine itself asks of AWS's other services."""

from __future__ import annotations

from typing import Any


def aws_client(endpoint: str, default_region: str, service: str, region: str = "") -> Any:
    """A client of ``service`` at ``endpoint``; it blocks. boto3 is imported when first needed."""
    import boto3
    from botocore.config import Config

    return boto3.session.Session().client(
        service,
        endpoint_url=endpoint,
        region_name=region or default_region,
        aws_access_key_id="tealmesh",
        aws_secret_access_key="tealmesh",  # noqa: S106 - our own front asks for no secret
        config=Config(
            retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30, proxies={}
        ),
    )
