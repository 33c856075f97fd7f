"""Makes the tokens that `presigned` checks, with the credentials that SDKs would find. Imports
botocore, so import it late.
"""

from __future__ import annotations

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError
from botocore.session import Session

from tealmesh.model.errors import TealError
from tealmesh.model.identity.presigned import LONGEST_SECONDS, SERVER_HEADER, token


def presigned_token(
    credentials: Credentials,
    region: str,
    server_id: str,
    endpoint: str = "",
    *,
    seconds: int = LONGEST_SECONDS,
) -> str:
    """A token for the control plane ``server_id``, good for ``seconds``.

    ``endpoint`` is the URL of the STS that it will ask; by default that of AWS in the region.
    """
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    where = (endpoint or f"https://sts.{region}.{domain}").rstrip("/")
    request = AWSRequest(
        method="GET",
        url=f"{where}/",
        params={"Action": "GetCallerIdentity", "Version": "2011-06-15"},
        headers={SERVER_HEADER: server_id},
    )
    SigV4QueryAuth(credentials, "sts", region, expires=seconds).add_auth(request)
    return token(request.url)


def aws_credentials() -> Credentials:
    """Those that SDKs would find. Raises TealError."""
    try:
        found = Session().get_credentials()
        frozen = found.get_frozen_credentials() if found else None
    except BotoCoreError as error:
        raise TealError(f"no AWS credentials: {error}") from error
    if frozen is None:
        raise TealError(
            "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run it in a "
            "task with a role"
        )
    return Credentials(frozen.access_key, frozen.secret_key, frozen.token)


def aws_region() -> str:
    """The region that SDKs would use; us-east-1 for none."""
    return str(Session().get_config_variable("region") or "us-east-1")
