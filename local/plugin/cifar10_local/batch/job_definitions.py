"""The operations on job definitions: each registration is a new, immutable revision."""

from typing import Any

from localstack.aws.api.core import handler

from ..settings import settings
from .containers import read_container
from .job import Json, name_of
from .operations import Operations
from .paging import MAXIMUM, page
from .registry import check_name
from .retry import RetryStrategy, RetryStrategyError
from .shapes import refuse

STATES = ("ACTIVE", "INACTIVE")
MAXIMUM_PRIORITY = 9999


class JobDefinitionOperations(Operations):
    @handler("RegisterJobDefinition", expand=False)
    def register_job_definition(self, context: Any, request: Json) -> Json:
        registry = self.registry(context)
        name = check_name("jobDefinitionName", request["jobDefinitionName"])
        if request["type"] != "container":
            refuse(f"type {request['type']} is not available on this machine, which runs jobs of type container only")
        capabilities = request.get("platformCapabilities") or ["EC2"]
        container = read_container(request.get("containerProperties") or {}, capabilities)
        read_timeout(request.get("timeout"))
        read_priority("schedulingPriority", request)
        retry = read_retry_strategy(request.get("retryStrategy")).describe()
        with self.scheduler.lock:
            revision = len(registry.definitions[name]) + 1
            definition = {
                "parameters": {},
                "tags": {},
                **request,
                **({"retryStrategy": retry} if request.get("retryStrategy") else {}),
                "platformCapabilities": capabilities,
                "containerProperties": container,
                "revision": revision,
                "status": "ACTIVE",
                "jobDefinitionArn": registry.arn("job-definition", f"{name}:{revision}"),
                "containerOrchestrationType": "ECS",
            }
            registry.definitions[name].append(definition)
        return {key: definition[key] for key in ("jobDefinitionName", "jobDefinitionArn", "revision")}

    @handler("DeregisterJobDefinition", expand=False)
    def deregister_job_definition(self, context: Any, request: Json) -> Json:
        with self.scheduler.lock:
            self.registry(context).definition(request["jobDefinition"])["status"] = "INACTIVE"
        return {}

    @handler("DescribeJobDefinitions", expand=False)
    def describe_job_definitions(self, context: Any, request: Json) -> Json:
        """By name and revision: AWS documents no order, so clients must not expect the newest first."""
        wanted = [name_of(reference) for reference in request.get("jobDefinitions") or []]
        if len(wanted) > MAXIMUM:
            refuse(f"jobDefinitions must have at most {MAXIMUM} entries, not {len(wanted)}")
        name, status = request.get("jobDefinitionName"), request.get("status")
        if status not in (None, *STATES):
            refuse(f"status {status} must be one of {' | '.join(STATES)}")
        with self.scheduler.lock:
            definitions = self.registry(context).definitions
            found = [
                dict(each)
                for each_name in sorted(definitions)
                for each in definitions[each_name]
                if (not wanted or f"{each_name}:{each['revision']}" in wanted)
                and name in (None, each_name)
                and status in (None, each["status"])
            ]
        shown, token = page(
            "DescribeJobDefinitions", found, lambda each: [each["jobDefinitionName"], each["revision"]], request
        )
        return {"jobDefinitions": shown} | token


def read_timeout(timeout: Json | None) -> int | None:
    """
    :returns: the time limit of an attempt in seconds
    :raises CommonServiceException: it is shorter than AWS allows
    """
    seconds = (timeout or {}).get("attemptDurationSeconds")
    shortest = settings().batch_minimum_timeout
    if seconds is not None and seconds < shortest:
        refuse(f"attemptDurationSeconds must be at least {shortest} seconds, not {seconds}")
    return seconds


def read_priority(name: str, request: Json) -> int | None:
    """
    :raises CommonServiceException: it is not one of AWS's priorities
    """
    priority: int | None = request.get(name)
    if priority is not None and not 0 <= priority <= MAXIMUM_PRIORITY:
        refuse(f"{name} must be between 0 and {MAXIMUM_PRIORITY}, not {priority}")
    return priority


def read_retry_strategy(strategy: Json | None) -> RetryStrategy:
    try:
        return RetryStrategy.read(strategy)
    except RetryStrategyError as error:
        refuse(str(error))
