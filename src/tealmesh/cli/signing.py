"""Signs a request of `teal` with Signature Version 4: quick to import, as botocore is not.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tealmesh.model.errors import TealError

_SCOPE = "us-east-1/tealmesh/aws4_request"


@dataclass(frozen=True)
class Keys:
    """A key pair, and the session token that belongs to it."""

    id: str
    secret: str
    token: str = ""


def owner_keys(data_dir: Path) -> Keys | None:
    """The keys of the owner of a data directory; None if there are none, or not for us."""
    from tealmesh.model.identity.issued import OWNER, load

    try:
        found = [one for one in load(data_dir) if one.name == OWNER and one.key_id]
    except TealError:
        return None
    return Keys(found[0].key_id, found[0].secret) if found else None


def sign(keys: Keys, host: str, headers: Mapping[str, str], body: str) -> dict[str, str]:
    """``headers`` of a POST to ``/``, and the signature, of this moment."""
    import hashlib
    import hmac
    import time

    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    digest = hashlib.sha256(body.encode()).hexdigest()
    covered = {**headers, "host": host, "x-amz-content-sha256": digest, "x-amz-date": stamp}
    if keys.token:
        covered["x-amz-security-token"] = keys.token
    names = ";".join(sorted(covered))
    lines = "".join(f"{name}:{covered[name]}\n" for name in sorted(covered))
    canonical = hashlib.sha256(f"POST\n/\n\n{lines}\n{names}\n{digest}".encode()).hexdigest()
    scope = f"{stamp[:8]}/{_SCOPE}"
    key = b"AWS4" + keys.secret.encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{canonical}"
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    credential = f"AWS4-HMAC-SHA256 Credential={keys.id}/{scope}"
    authorization = f"{credential}, SignedHeaders={names}, Signature={signature}"
    return {**covered, "authorization": authorization}
