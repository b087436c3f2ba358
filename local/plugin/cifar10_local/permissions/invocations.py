"""Requests to methods of an API that are authorized by IAM. By default LocalStack answers them all."""

from typing import Any

from botocore.credentials import Credentials
from localstack.services.apigateway.next_gen.execute_api.gateway_response import (
    AccessDeniedError,
    ExpiredTokenError,
    InvalidSignatureError,
    MissingAuthTokenError,
)
from localstack.services.apigateway.next_gen.execute_api.handlers import preprocess_request
from localstack.utils.aws.request_context import extract_access_key_id_from_auth_header

from .callers import caller_of, find_keys
from .enforcement import is_allowed
from .policy import Request
from .signature import SignatureError, SignedRequest, check_signature


def authorize_invocations() -> None:
    """From now on a method whose authorization is AWS_IAM answers signed requests of who may execute-api:Invoke it."""
    preprocess_request.append(authorize)


def authorize(_chain: Any, context: Any, _response: Any) -> None:
    """
    :raises BaseGatewayException: API Gateway's own answer to a request that is not authorized

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-control-access-using-iam-policies-to-invoke-api.html
    """
    if context.resource_method.get("authorizationType") != "AWS_IAM":
        return
    request = context.request
    if "Authorization" not in request.headers:
        raise MissingAuthTokenError("Missing Authentication Token")
    key = extract_access_key_id_from_auth_header(request.headers)
    keys = find_keys(context.account_id, key) if key else None
    if keys is None:
        raise InvalidSignatureError("The security token included in the request is invalid.")
    if keys.has_expired:
        raise ExpiredTokenError("The security token included in the request is expired")
    sent = SignedRequest(request.method, _address(request), request.headers, request.get_data())
    try:
        check_signature(sent, Credentials(key, keys.secret, keys.token), "execute-api")
    except SignatureError as error:
        raise InvalidSignatureError(str(error)) from error
    caller = caller_of(context.account_id, key)
    path = context.invocation_request["path"].removeprefix("/")
    place = f"{context.region}:{context.account_id}:{context.api_id}/{context.stage}"
    asked = Request("execute-api:Invoke", f"arn:aws:execute-api:{place}/{request.method}/{path}")
    if caller is not None and not is_allowed(caller, asked):
        raise AccessDeniedError(
            f"User: {caller.session_arn} is not authorized to perform: {asked.action} on resource: {asked.resource}"
        )


def _address(request: Any) -> str:
    """As it was sent: path and query are not decoded."""
    raw = request.environ["RAW_URI"]
    query = request.query_string.decode()
    path = f"{raw}?{query}" if query and "?" not in raw else raw
    return f"{request.scheme}://{request.headers['Host']}{path}"
