"""What LocalStack 4.14 leaves out of API Gateway: changes of a stage, bytes both ways, errors that an API words."""

import re
from collections.abc import Callable
from typing import Any

from localstack.services.apigateway.next_gen.execute_api.gateway_response import get_gateway_response_or_default
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


def let_changes_be_deployed() -> None:
    """What a template can change in an API, and LocalStack does not."""
    let_stages_be_updated()
    let_methods_be_updated()
    let_gateway_responses_be_updated()
    let_what_is_gone_be_deleted(ApiGatewayUsagePlanKeyProvider, _has_usage_plan_key)
    let_what_is_gone_be_deleted(ApiGatewayUsagePlanProvider, _has_usage_plan)
    let_what_is_gone_be_deleted(ApiGatewayApiKeyProvider, _has_api_key)


def let_stages_be_updated() -> None:
    """A changed stage is ignored, and loses its API when the deployment that it still points to is deleted."""

    def update(_self: ApiGatewayStageProvider, request: Any) -> Any:
        stage = request.desired_state
        request.aws_client_factory.apigateway.update_stage(
            restApiId=stage["RestApiId"],
            stageName=stage["StageName"],
            patchOperations=[{"op": "replace", "path": "/deploymentId", "value": stage["DeploymentId"]}],
        )
        return ProgressEvent(status=OperationStatus.SUCCESS, resource_model=stage)

    ApiGatewayStageProvider.update = update


def let_methods_be_updated() -> None:
    """Of a changed method only the integration is: it asks for a key, or does not, as it did before."""
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
                }
            ],
        )
        return default(self, request)

    ApiGatewayMethodProvider.update = update


def let_what_is_gone_be_deleted(provider: Any, is_there: Callable[[Any, Any], bool]) -> None:
    """What an update of the stack has deleted is deleted once more with the stack, which fails for it."""
    default = provider.delete

    def delete(self: Any, request: Any) -> Any:
        if is_there(request.aws_client_factory.apigateway, request.desired_state):
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


def let_gateway_responses_be_updated() -> None:
    """A changed response is ignored. Putting it again changes it."""

    def update(self: ApiGatewayGatewayResponseProvider, request: Any) -> Any:
        return self.create(request)

    ApiGatewayGatewayResponseProvider.update = update


def let_gateway_responses_be_worded() -> None:
    """Of a configured response only the status is used, and neither its template nor its headers."""
    default = GatewayExceptionHandler.create_exception_response

    def create_exception_response(self: GatewayExceptionHandler, exception: Any, context: Any) -> Any:
        response = default(self, exception, context)
        chosen = get_gateway_response_or_default(exception.type, context.deployment.rest_api.gateway_responses)
        headers = chosen.get("responseParameters") or {}
        # Without a header of its own a response is LocalStack's default, which is what it says already.
        if headers:
            template = chosen["responseTemplates"]["application/json"]
            response.data = fill_in(template, context.context_variables)
        for name, value in headers.items():
            response.headers[name.removeprefix("gatewayresponse.header.")] = value.strip("'")
        return response

    GatewayExceptionHandler.create_exception_response = create_exception_response


def let_bodies_be_what_was_sent() -> None:
    """What is called a form is read as one and written anew: of a picture, which curl calls a form, nothing is left."""
    parse.restore_payload = lambda request: request.get_data()


def let_all_types_be_binary() -> None:
    """Of the types that an API calls binary, `*/*` is passed over: what a function answers in Base64 would stay so."""
    default = aws.mime_type_matches_binary_media_types

    def matches(mime_type: str | None, binary_media_types: list[str]) -> bool:
        return "*/*" in (binary_media_types or []) or default(mime_type, binary_media_types)

    aws.mime_type_matches_binary_media_types = matches


def fill_in(template: str, variables: Any) -> str:
    """API Gateway runs no program in these templates: it puts values in the place of `$context.<path>`."""

    def value_of(match: re.Match[str]) -> str:
        value = variables
        for name in match[1].split("."):
            value = value.get(name) if isinstance(value, dict) else None
        return "" if value is None else str(value)

    return re.sub(r"\$context\.(\w+(?:\.\w+)*)", value_of, template)
