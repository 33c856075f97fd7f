"""Refusals of callers, in the words and the form of each AWS protocol. Pure.

https://docs.aws.amazon.com/awssupport/latest/user/CommonErrors.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html and
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
"""

from __future__ import annotations

from xml.sax.saxutils import escape

from tealmesh.aws.wire import codec
from tealmesh.aws.wire.codec import Request, Response
from tealmesh.model.errors import AwsError

_JSON = {
    "InvalidClientTokenId": "UnrecognizedClientException",
    "MissingAuthenticationToken": "MissingAuthenticationTokenException",
    "SignatureDoesNotMatch": "InvalidSignatureException",
    "IncompleteSignature": "IncompleteSignatureException",
    "ExpiredToken": "ExpiredTokenException",
    "AccessDenied": "AccessDeniedException",
    "Throttling": "ThrottlingException",
}
_S3 = {
    "InvalidClientTokenId": "InvalidAccessKeyId",
    "MissingAuthenticationToken": "AccessDenied",
    "IncompleteSignature": "AuthorizationHeaderMalformed",
    "Throttling": "SlowDown",
}
_EC2 = {
    "InvalidClientTokenId": "AuthFailure",
    "SignatureDoesNotMatch": "AuthFailure",
    "AccessDenied": "UnauthorizedOperation",
    "Throttling": "RequestLimitExceeded",
}
_XML = frozenset({"s3", "route53", "cloudfront"})
"""Services whose answers are XML, whatever the request is."""


def refusal(error: AwsError, service: str | None, request: Request, request_id: str) -> Response:
    """The answer to a caller of ``service`` (its signing name) who is refused.

    ``error`` has the code that STS and IAM would answer, which is that of the query protocol.
    """
    if service == "s3":
        return xml(_with(error, _S3), service, request_id)
    if service == "ec2":
        return xml(_with(error, _EC2), service, request_id)
    form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    queried = "Action=" in request.query and "x-amz-target" not in request.headers
    if form or queried or service in _XML:
        return xml(error, service, request_id)
    named = _with(error, _JSON)
    if "x-amz-target" in request.headers and named.status == 403:
        named.status = 400  # the JSON protocols' own
    return codec.serialize_error(None, named, request_id)


def xml(error: AwsError, service: str | None, request_id: str) -> Response:
    """An error in the XML of ``service``:
    https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#operation-error-serialization
    """
    fields = f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
    if service == "s3":
        text = f"<Error>{fields}<RequestId>{request_id}</RequestId></Error>"
    elif service == "ec2":
        errors = f"<Errors><Error>{fields}</Error></Errors>"
        text = f"<Response>{errors}<RequestID>{request_id}</RequestID></Response>"
    else:
        sender = f"<Error><Type>Sender</Type>{fields}</Error>"
        text = f"<ErrorResponse>{sender}<RequestId>{request_id}</RequestId></ErrorResponse>"
    headers = codec.serialize_error(None, error, request_id).headers | {"content-type": "text/xml"}
    return Response(error.status, headers, f'<?xml version="1.0"?>{text}'.encode())


def caller_identity(arn: str, unique_id: str, request_id: str) -> Response:
    """STS's GetCallerIdentity of a role that was assumed:
    https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
    """
    account, session = arn.split(":")[4], arn.rpartition("/")[2]
    text = (
        '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
        f"<GetCallerIdentityResult><Arn>{escape(arn)}</Arn>"
        f"<UserId>{escape(unique_id)}:{escape(session)}</UserId><Account>{account}</Account>"
        f"</GetCallerIdentityResult><ResponseMetadata><RequestId>{request_id}</RequestId>"
        "</ResponseMetadata></GetCallerIdentityResponse>"
    )
    headers = {"content-type": "text/xml", "x-amzn-requestid": request_id}
    return Response(200, headers, text.encode())


def _with(error: AwsError, codes: dict[str, str]) -> AwsError:
    return AwsError(codes.get(error.code, error.code), error.message, status=error.status)
