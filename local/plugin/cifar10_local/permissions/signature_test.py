from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from werkzeug.datastructures import Headers

from .signature import SignatureError, SignedRequest, check_signature

CREDENTIALS = Credentials("AKID", "secret", "token")
BODY = bytes(range(256))
URL = "http://127.0.0.1:4566/_aws/execute-api/a/prod/classify?top_k=3&version=a%20b"


def signed(service: str = "execute-api", credentials: Credentials = CREDENTIALS) -> SignedRequest:
    request = AWSRequest("POST", URL, {"content-type": "image/png"}, BODY)
    SigV4Auth(credentials, service, "eu-west-1").add_auth(request)
    # The server knows the address that was asked by the host.
    return SignedRequest("POST", URL, Headers([("Host", "127.0.0.1:4566"), *request.headers.items()]), BODY)


def test_what_was_signed_is_accepted() -> None:
    check_signature(signed(), CREDENTIALS, "execute-api")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"method": "PUT"}, "does not match"),
        ({"url": URL.replace("top_k=3", "top_k=4")}, "does not match"),
        ({"url": URL.replace("classify", "explain")}, "does not match"),
        ({"body": b"another"}, "does not match"),
        ({"headers": {"Authorization": "Bearer x"}}, "requires 'Credential'"),
        ({"headers": {}}, "requires 'Credential'"),
    ],
)
def test_what_was_changed_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(SignatureError, match=words):
        check_signature(replace(signed(), **change), CREDENTIALS, "execute-api")


def test_another_secret_service_token_or_time_is_refused() -> None:
    others = [
        (signed(credentials=Credentials("AKID", "other", "token")), "does not match"),
        (signed(service="s3"), "scoped to the service"),
        (signed(credentials=Credentials("AKID", "secret")), "security token"),
    ]
    for request, words in others:
        with pytest.raises(SignatureError, match=words):
            check_signature(request, CREDENTIALS, "execute-api")
    for minutes in (-6, 6):
        with pytest.raises(SignatureError, match="Signature expired"):
            check_signature(signed(), CREDENTIALS, "execute-api", datetime.now(UTC) + timedelta(minutes=minutes))
