"""Whether a request is signed by the credentials that it names: Signature Version 4, computed again by botocore."""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

TOLERANCE = timedelta(minutes=5)
"""Between the clock of who signs and that of AWS."""
AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<key>[^/,\s]+)/(?P<day>\d{8})/(?P<region>[^/,]+)/(?P<service>[^/,]+)/aws4_request"
    r",\s*SignedHeaders=(?P<headers>[^,\s]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)


class SignatureError(ValueError):
    """The request is not signed as it must be; the message is as AWS words it."""


@dataclass(frozen=True)
class SignedRequest:
    method: str
    url: str
    """As it was sent."""
    headers: Mapping[str, str]
    """In which case does not matter."""
    body: bytes


def check_signature(
    request: SignedRequest, credentials: Credentials, service: str, now: datetime | None = None
) -> None:
    """
    :raises SignatureError: it is not that of these credentials, this request and this time
    """
    found = AUTHORIZATION.fullmatch(request.headers.get("Authorization", ""))
    time = request.headers.get("X-Amz-Date", "")
    if found is None or not re.fullmatch(r"\d{8}T\d{6}Z", time):
        raise SignatureError(
            "Authorization header requires 'Credential', 'Signature', 'SignedHeaders' and 'X-Amz-Date'."
        )
    if found["service"] != service or found["day"] != time[:8]:
        raise SignatureError(f"Credential should be scoped to the service '{service}' and to the day of 'X-Amz-Date'.")
    signed_at = datetime.strptime(time, SIGV4_TIMESTAMP).replace(tzinfo=UTC)
    if abs((now or datetime.now(UTC)) - signed_at) > TOLERANCE:
        raise SignatureError(f"Signature expired: {time} is more than five minutes from now.")
    if credentials.token and request.headers.get("X-Amz-Security-Token") != credentials.token:
        raise SignatureError("The security token included in the request is invalid.")
    names = found["headers"].split(";")
    if "host" not in names:
        raise SignatureError("'Host' must be a 'SignedHeader' in the AWS Authorization.")
    headers = {name: request.headers[name] for name in names if name in request.headers}
    asked = AWSRequest(request.method, request.url, headers, request.body)
    asked.context["timestamp"] = time
    auth = SigV4Auth(credentials, service, found["region"])
    expected = auth.signature(auth.string_to_sign(asked, auth.canonical_request(asked)), asked)
    if not hmac.compare_digest(expected, found["signature"]):
        raise SignatureError(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret"
            " Access Key and signing method. Consult the service documentation for details."
        )
