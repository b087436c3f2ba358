import base64
import json

import pytest
from localstack.aws.api.lambda_ import InvalidRequestContentException, RequestTooLargeException

from .invoke_requests import MAXIMUM_BYTES, MAXIMUM_EVENT_BYTES, check_payload, read_client_context


def text_of(length: int) -> bytes:
    return b'"' + b"x" * (length - 2) + b'"'


@pytest.mark.parametrize("payload", [b"{}", b"null", b' [1, "\xc3\xa9"] ', b"1", text_of(MAXIMUM_BYTES)])
def test_any_json_is_passed_on_unchanged(payload: bytes) -> None:
    assert check_payload(payload, "RequestResponse") == payload


def test_no_payload_is_none() -> None:
    assert check_payload(None, "RequestResponse") is None
    assert check_payload(b"", None) is None


@pytest.mark.parametrize("payload", [b"x", b"'a'", b'{"a": 1,}', b"{}{}", b"NaN", b"\xff", b"[" * 200_000])
def test_what_is_not_json_is_refused(payload: bytes) -> None:
    with pytest.raises(InvalidRequestContentException, match="Could not parse payload into json") as refusal:
        check_payload(payload, "RequestResponse")
    assert refusal.value.status_code == 400


@pytest.mark.parametrize(
    ("kind", "limit"), [("RequestResponse", MAXIMUM_BYTES), (None, MAXIMUM_BYTES), ("Event", MAXIMUM_EVENT_BYTES)]
)
def test_a_request_has_a_limit(kind: str | None, limit: int) -> None:
    check_payload(text_of(limit), kind)
    with pytest.raises(RequestTooLargeException, match=f"smaller than {limit} bytes") as refusal:
        check_payload(text_of(limit + 1), kind)
    assert refusal.value.status_code == 413


def test_a_client_context_is_json_in_base64() -> None:
    context = {"client": {"app_title": "caf\u00e9"}, "custom": {"a": "1"}}
    encoded = base64.b64encode(json.dumps(context).encode()).decode()
    read = read_client_context(encoded)
    assert read is not None
    assert read.isascii()
    assert json.loads(read) == context
    assert read_client_context(None) is None


@pytest.mark.parametrize(
    "encoded", ["{}", "e30", "bm90IGpzb24=", "WzFd", base64.b64encode(b'{"a":"' + b"x" * 3000 + b'"}').decode()]
)
def test_another_client_context_is_refused(encoded: str) -> None:
    with pytest.raises(InvalidRequestContentException, match="Client context must be"):
        read_client_context(encoded)
