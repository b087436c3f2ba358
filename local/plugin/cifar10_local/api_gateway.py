"""Patches for API Gateway in LocalStack 4.14: updates of a stack, binary bodies, and an API's own error responses."""

import base64
import re
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError
from localstack.services.apigateway.next_gen.execute_api.gateway_response import (
    IntegrationFailureError,
    RequestTooLargeError,
    get_gateway_response_or_default,
)
from localstack.services.apigateway.next_gen.execute_api.handlers import parse
from localstack.services.apigateway.next_gen.execute_api.handlers.gateway_exception import GatewayExceptionHandler
from localstack.services.apigateway.next_gen.execute_api.integrations import aws
from localstack.services.apigateway.resource_providers.aws_apigateway_apikey import ApiGatewayApiKeyProvider
from localstack.services.apigateway.resource_providers.aws_apigateway_gatewayresponse import (
    ApiGatewayGatewayResponseProvider,
)
from localstack.services.apigateway.resource_providers.aws_apigateway_method import ApiGatewayMethodProvider
from localstack.services.apigateway.resource_providers.aws_apigateway_stage import ApiGatewayStageProvider
from localstack.services.apigateway.resource_providers.aws_apigateway_usageplan import ApiGatewayUsagePlanProvider
from localstack.services.apigateway.resource_providers.aws_apigateway_usageplankey import (
    ApiGatewayUsagePlanKeyProvider,
)
from localstack.services.cloudformation.resource_provider import OperationStatus, ProgressEvent
from twisted.web import http


def support_updates_and_deletes() -> None:
    """Changes of a template that LocalStack ignores, and deletes on which it fails."""
    support_stage_updates()
    support_method_updates()
    support_gateway_response_updates()
    ignore_repeated_deletes(ApiGatewayUsagePlanKeyProvider, _has_usage_plan_key)
    ignore_repeated_deletes(ApiGatewayUsagePlanProvider, _has_usage_plan)
    ignore_repeated_deletes(ApiGatewayApiKeyProvider, _has_api_key)


def support_stage_updates() -> None:
    """By default a changed stage is ignored: it keeps the old deployment, and breaks when that is deleted."""

    def update(_self: ApiGatewayStageProvider, request: Any) -> Any:
        stage = request.desired_state
        request.aws_client_factory.apigateway.update_stage(
            restApiId=stage["RestApiId"],
            stageName=stage["StageName"],
            patchOperations=[{"op": "replace", "path": "/deploymentId", "value": stage["DeploymentId"]}],
        )
        return ProgressEvent(status=OperationStatus.SUCCESS, resource_model=stage)

    ApiGatewayStageProvider.update = update


def support_method_updates() -> None:
    """By default only the integration of a changed method is updated, and not the key or signature that it requires."""
    default = ApiGatewayMethodProvider.update

    def update(self: ApiGatewayMethodProvider, request: Any) -> Any:
        method = request.desired_state
        request.aws_client_factory.apigateway.update_method(
            restApiId=method["RestApiId"],
            resourceId=method["ResourceId"],
            httpMethod=method["HttpMethod"],
            patchOperations=[
                {
                    "op": "replace",
                    "path": "/apiKeyRequired",
                    "value": "true" if method.get("ApiKeyRequired") in (True, "true") else "false",
                },
                {"op": "replace", "path": "/authorizationType", "value": method.get("AuthorizationType", "NONE")},
            ],
        )
        return default(self, request)

    ApiGatewayMethodProvider.update = update


def ignore_repeated_deletes(provider: Any, exists: Callable[[Any, Any], bool]) -> None:
    """By default deleting a stack deletes again what an earlier update deleted, and fails."""
    default = provider.delete

    def delete(self: Any, request: Any) -> Any:
        if exists(request.aws_client_factory.apigateway, request.desired_state):
            return default(self, request)
        return ProgressEvent(status=OperationStatus.SUCCESS, resource_model=request.desired_state)

    provider.delete = delete


def _has_usage_plan_key(api_gateway: Any, model: Any) -> bool:
    keys = api_gateway.get_usage_plan_keys(usagePlanId=model["UsagePlanId"])["items"]
    return model["KeyId"] in (key["id"] for key in keys)


def _has_usage_plan(api_gateway: Any, model: Any) -> bool:
    return model["Id"] in (plan["id"] for plan in api_gateway.get_usage_plans()["items"])


def _has_api_key(api_gateway: Any, model: Any) -> bool:
    return model["APIKeyId"] in (key["id"] for key in api_gateway.get_api_keys()["items"])


def support_gateway_response_updates() -> None:
    """By default a changed response is ignored. Creating it again replaces it."""

    def update(self: ApiGatewayGatewayResponseProvider, request: Any) -> Any:
        return self.create(request)

    ApiGatewayGatewayResponseProvider.update = update


def support_gateway_response_templates() -> None:
    """By default only the status of a configured response is used, not its template or headers."""
    default = GatewayExceptionHandler.create_exception_response

    def create_exception_response(self: GatewayExceptionHandler, exception: Any, context: Any) -> Any:
        response = default(self, exception, context)
        chosen = get_gateway_response_or_default(exception.type, context.deployment.rest_api.gateway_responses)
        headers = chosen.get("responseParameters") or {}
        # A response without headers is LocalStack's default, which needs no change.
        if headers:
            template = chosen["responseTemplates"]["application/json"]
            response.data = fill_in(template, context.context_variables)
        for name, value in headers.items():
            response.headers[name.removeprefix("gatewayresponse.header.")] = header_value(value, context)
        return response

    GatewayExceptionHandler.create_exception_response = create_exception_response


def header_value(mapping: str, context: Any) -> str:
    """
    The value of a header of a gateway response.

    :param mapping: a text in quotes, `context.<path>`, `stageVariables.<name>` or `method.request.header.<name>`
    """
    if mapping.startswith("'"):
        return mapping.strip("'")
    source, _, name = mapping.partition(".")
    if source == "context":
        return fill_in(f"${mapping}", context.context_variables)
    if source == "stageVariables":
        return str((context.stage_variables or {}).get(name, ""))
    return str(context.request.headers.get(name.removeprefix("request.header."), ""))


def keep_request_bodies() -> None:
    """By default a body declared as a form is parsed and re-encoded, which destroys an image that curl sends as one."""
    parse.restore_payload = lambda request: request.get_data()
    # Twisted reads forms too, for nobody, and refuses those that it cannot read with an empty answer.
    http._getMultiPartArgs = lambda _content, _content_type: {}


def answer_requests_that_are_too_large() -> None:
    """By default a request that is too large for the function is a failure of the function: 502 instead of 413."""
    default = aws.RestApiAwsProxyIntegration.invoke

    def invoke(self: aws.RestApiAwsProxyIntegration, context: Any) -> Any:
        try:
            return default(self, context)
        except IntegrationFailureError as error:
            cause = error.__cause__
            if isinstance(cause, ClientError) and cause.response["Error"]["Code"] == "RequestTooLargeException":
                raise RequestTooLargeError("Request Too Long") from error
            raise

    aws.RestApiAwsProxyIntegration.invoke = invoke


def support_binary_wildcard() -> None:
    """
    By default `*/*` among an API's binary types is ignored: a function's Base64 answer is not decoded, and a body that
    is valid UTF-8 reaches the function as text, where 4 MB of zeros are 24 MB of JSON.
    """
    default = aws.mime_type_matches_binary_media_types
    create_event = aws.RestApiAwsProxyIntegration.create_lambda_input_event

    def matches(mime_type: str | None, binary_media_types: list[str]) -> bool:
        return "*/*" in (binary_media_types or []) or default(mime_type, binary_media_types)

    def create_binary_event(self: aws.RestApiAwsProxyIntegration, context: Any) -> Any:
        event = create_event(self, context)
        is_binary = "*/*" in (context.deployment.rest_api.rest_api.get("binaryMediaTypes") or [])
        if is_binary and event["body"] and not event["isBase64Encoded"]:
            event["body"] = base64.b64encode(event["body"].encode()).decode()
            event["isBase64Encoded"] = True
        return event

    aws.mime_type_matches_binary_media_types = matches
    aws.RestApiAwsProxyIntegration.create_lambda_input_event = create_binary_event


def fill_in(template: str, variables: Any) -> str:
    """Replaces each `$context.<path>` by its value: all that API Gateway supports in these templates."""

    def value_of(match: re.Match[str]) -> str:
        value = variables
        for name in match[1].split("."):
            value = value.get(name) if isinstance(value, dict) else None
        return "" if value is None else str(value)

    return re.sub(r"\$context\.(\w+(?:\.\w+)*)", value_of, template)
