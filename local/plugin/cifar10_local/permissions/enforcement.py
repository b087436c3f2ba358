"""
Refuses what the policies of a user or a role do not allow, as AWS does, and records what they allowed. By default
LocalStack lets everybody do everything, and a permission that the stack forgot is missed on AWS only.
"""

import threading
from collections import Counter
from typing import Any

from localstack.aws.api.core import CommonServiceException
from localstack.aws.handlers import serve_custom_service_request_handlers
from localstack.aws.skeleton import Skeleton

from .callers import Caller, bucket_statements, find_caller
from .calls import READS, listing, required
from .policy import Decision, Grant, Request, Statement, evaluate

UNKNOWN_OBJECT = "_cifar10_unknown_object"
"""A request has this attribute if its caller may not be told that an object does not exist; the value is the answer."""


class Record:
    """What users and roles have used and were refused since the instance's start."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._uses: Counter[tuple[str, str, Grant]] = Counter()
        self._refusals: Counter[tuple[str, str, str]] = Counter()

    def use(self, role: str, action: str, grants: tuple[Grant, ...]) -> None:
        with self._lock:
            self._uses.update((role, action, grant) for grant in grants)

    def refuse(self, role: str, request: Request) -> None:
        with self._lock:
            self._refusals[role, request.action, request.resource] += 1

    def describe(self) -> dict[str, Any]:
        with self._lock:
            uses = [
                {
                    "role": role,
                    "action": action,
                    "resource": grant.resource,
                    "conditions": dict(grant.conditions),
                    "count": count,
                }
                for (role, action, grant), count in self._uses.items()
            ]
            refusals = [
                {"role": role, "action": action, "resource": resource, "count": count}
                for (role, action, resource), count in self._refusals.items()
            ]
        return {"uses": uses, "refusals": refusals}


def enforce_permissions() -> None:
    """From now on users, and the sessions of roles that a service assumes, may do what their policies allow."""
    serve_custom_service_request_handlers.append(check_permissions)
    default = Skeleton.on_service_exception

    def on_service_exception(self: Skeleton, serializer: Any, context: Any, exception: Any) -> Any:
        refusal = getattr(context, UNKNOWN_OBJECT, None)
        is_hidden = refusal is not None and exception.code == "NoSuchKey"
        return default(self, serializer, context, refusal if is_hidden else exception)

    Skeleton.on_service_exception = on_service_exception


record = Record()


def describe_permissions(_request: Any, **_: Any) -> Any:
    """GET /_cifar10/permissions: what roles have used of their policies, and what they were refused."""
    from localstack.http import Response

    return Response.for_json(record.describe())


def check_permissions(_chain: Any, context: Any, _response: Any) -> None:
    """
    :raises CommonServiceException: the caller is a user or a role that may not do it; AWS's code, status and words
    """
    if context.service is None or context.operation is None:
        return
    service, operation = context.service.service_name, context.operation.name
    # LocalStack asks for a function's log group before each new stream, whether it exists or not. Lambda does not.
    if operation == "GetCallerIdentity" or (context.is_internal_call and operation == "CreateLogGroup"):
        return
    caller = find_caller(context)
    if caller is None:
        return
    parameters = context.service_request or {}
    place = f"{context.region}:{context.account_id}"
    for request in required(service, operation, parameters, place):
        decision = _decide(caller, request, parameters)
        if not decision.allowed:
            record.refuse(caller.name, request)
            raise _refusal(context, caller, request, decision)
        record.use(caller.name, request.action, decision.grants)
    if service == "s3" and operation in READS:
        request = listing(parameters["Bucket"])
        decision = _decide(caller, request, parameters)
        if not decision.allowed:
            setattr(context, UNKNOWN_OBJECT, _refusal(context, caller, request, decision))


def is_allowed(caller: Caller, request: Request) -> bool:
    """Whether a caller may do it, which is recorded."""
    decision = _decide(caller, request, {})
    if decision.allowed:
        record.use(caller.name, request.action, decision.grants)
    else:
        record.refuse(caller.name, request)
    return decision.allowed


def _decide(caller: Caller, request: Request, parameters: Any) -> Decision:
    bucket = parameters.get("Bucket")
    of_bucket: tuple[Statement, ...] = bucket_statements(bucket) if bucket else ()
    asked = Request(request.action, request.resource, request.context, caller.arn)
    return evaluate([*caller.statements, *of_bucket], asked)


def _refusal(context: Any, caller: Caller, request: Request, decision: Decision) -> CommonServiceException:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html"""
    why = (
        "with an explicit deny in a policy"
        if decision.is_explicit
        else f"because no identity-based policy allows the {request.action} action"
    )
    message = (
        f"User: {caller.session_arn} is not authorized to perform: {request.action} "
        f'on resource: "{request.resource}" {why}'
    )
    if context.service.protocol in ("json", "rest-json"):
        status = 400 if context.service.protocol == "json" else 403
        return CommonServiceException("AccessDeniedException", message, status_code=status, sender_fault=True)
    return CommonServiceException("AccessDenied", message, status_code=403, sender_fault=True)
