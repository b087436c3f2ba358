"""What Lambda refuses before a function is called, and what it passes on beside the event."""

import base64
import contextlib
import json
from typing import Any

from localstack.aws.api.lambda_ import InvalidRequestContentException, InvocationType, RequestTooLargeException

MAXIMUM_BYTES = 6 * 1024 * 1024
MAXIMUM_EVENT_BYTES = 1024 * 1024
"""A request of type Event is queued."""
MAXIMUM_CLIENT_CONTEXT_BYTES = 3583


def check_payload(payload: bytes | None, invocation_type: str | None) -> bytes | None:
    """
    :returns: the payload, or None for an empty one
    :raises RequestTooLargeException: it has more bytes than Lambda takes
    :raises InvalidRequestContentException: it is not JSON
    """
    if not payload:
        return None
    limit = MAXIMUM_EVENT_BYTES if invocation_type == InvocationType.Event else MAXIMUM_BYTES
    if len(payload) > limit:
        raise RequestTooLargeException(f"Request must be smaller than {limit} bytes for the InvokeFunction operation")
    try:
        json.loads(payload.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidRequestContentException(
            f"Could not parse request body into json: Could not parse payload into json: {error}", Type="User"
        ) from error
    return payload


def read_client_context(encoded: str | None) -> str | None:
    """
    :param encoded: the header X-Amz-Client-Context: JSON in Base64
    :returns: the JSON, in ASCII
    :raises InvalidRequestContentException: it is not JSON in Base64, or too long
    """
    if not encoded:
        return None
    context: Any = None
    if len(encoded) <= MAXIMUM_CLIENT_CONTEXT_BYTES:
        # Among the errors of value are those of Base64, UTF-8 and JSON.
        with contextlib.suppress(ValueError):
            context = json.loads(base64.b64decode(encoded, validate=True))
    if not isinstance(context, dict):
        raise InvalidRequestContentException("Client context must be a valid Base64-encoded JSON object.", Type="User")
    return json.dumps(context)


def _refuse_constant(name: str) -> None:
    """Python's own extensions of JSON."""
    raise ValueError(f"Unexpected token {name}")


def check_requests(service: Any) -> None:
    """By default LocalStack's service passes on any payload, however large, and no client context."""
    from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment

    invoke = service.invoke
    call = ExecutionEnvironment.invoke

    def invoke_checked(self: Any, **request: Any) -> Any:
        payload = check_payload(request.pop("payload"), request["invocation_type"])
        context = read_client_context(request.pop("client_context"))
        return invoke(self, payload=payload, client_context=context, **request)

    def call_with_context(self: ExecutionEnvironment, invocation: Any) -> Any:
        # An environment has one invocation at a time.
        self.runtime_executor.client_context = invocation.client_context
        return call(self, invocation)

    service.invoke = invoke_checked
    ExecutionEnvironment.invoke = call_with_context
