"""Checks each request to Batch before LocalStack reads it: nothing behind this edge meets a value of a wrong type."""

import contextlib
import functools
import inspect
import json
from typing import Any

from localstack.aws.handlers import preprocess_request
from localstack.aws.handlers.service import ServiceRequestParser
from localstack.aws.protocol.op_router import RestServiceOperationRouter
from localstack.aws.spec import load_service
from werkzeug.exceptions import NotFound

from .shapes import check_shape, refuse

MAXIMUM_BYTES = {"RegisterJobDefinition": 24 * 1024, "SubmitJob": 30 * 1024}
"""https://docs.aws.amazon.com/batch/latest/userguide/service_limits.html"""
UNAVAILABLE = (
    "consumableResourceProperties",
    "consumableResourcePropertiesOverride",
    "ecsProperties",
    "ecsPropertiesOverride",
    "eksConfiguration",
    "eksProperties",
    "eksPropertiesOverride",
    "nodeOverrides",
    "nodeProperties",
    "serviceEnvironmentOrder",
)
"""Members for kinds of jobs that this machine cannot run. Ignored, they would look as if they had an effect."""


def check_batch_requests() -> None:
    """
    By default LocalStack converts what it can and answers 500 to the rest, which clients send again. AWS answers 400.
    Without a signature, which tells it the service, it answers an empty 200 to whatever is sent.
    """
    preprocess_request.append(_recognize)
    read = ServiceRequestParser.parse_and_enrich

    def parse_and_enrich(self: ServiceRequestParser, context: Any) -> None:
        if context.service.service_name == "batch":
            check_request(context)
        read(self, context)

    ServiceRequestParser.parse_and_enrich = parse_and_enrich


def _recognize(_chain: Any, context: Any, _response: Any) -> None:
    request = context.request
    if context.service is not None or "Authorization" in request.headers or not request.path.startswith("/v1/"):
        return
    with contextlib.suppress(NotFound):
        _router().match(request)
        context.service = load_service("batch")


def check_request(context: Any) -> None:
    """
    :param context: LocalStack's `RequestContext`
    :raises CommonServiceException: `ClientException` (400) that names the wrong value, or what is not available here
    """
    service, request = context.service, context.request
    # LocalStack writes an error for an operation, and any will do.
    context.operation = service.operation_model(service.operation_names[0])
    try:
        context.operation, _ = _router().match(request)
    except NotFound:
        refuse(f"{request.method} {request.path} is not an operation of Batch on this machine")
    name = context.operation.name
    if name not in _available():
        refuse(f"{name} is not available on this machine, which runs jobs of type container only")
    if len(request.data) > MAXIMUM_BYTES.get(name, len(request.data)):
        refuse(f"{name} takes at most {MAXIMUM_BYTES[name]} bytes, not {len(request.data)}")
    body = _read_body(request.data)
    check_shape(context.operation.input_shape, body)
    for member in UNAVAILABLE:
        if body.get(member) and member in context.operation.input_shape.members:
            refuse(f"{member} is not available on this machine, which runs jobs of type container only")


def _read_body(data: bytes) -> dict[str, Any]:
    try:
        body = json.loads(data or b"{}")
    except (ValueError, RecursionError) as error:
        refuse(f"The body is not JSON: {error}")
    return body if isinstance(body, dict) else refuse("The body must be an object")


@functools.cache
def _router() -> RestServiceOperationRouter:
    return RestServiceOperationRouter(load_service("batch"))


@functools.cache
def _available() -> set[str]:
    from .provider import BatchProvider

    methods = inspect.getmembers(BatchProvider, inspect.isfunction)
    return {method.operation for _, method in methods if hasattr(method, "operation")}
