"""Makes the tokens that `presigned` checks. Imports botocore, so import it late."""

from __future__ import annotations

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

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
