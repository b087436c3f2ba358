"""The operations on job definitions: each registration is a new, immutable revision."""

from typing import Any

from localstack.aws.api.core import handler

from ..settings import settings
from .job import Json, name_of
from .operations import Operations
from .registry import check_name, refuse
from .retry import RetryStrategy, RetryStrategyError


class JobDefinitionOperations(Operations):
    @handler("RegisterJobDefinition", expand=False)
    def register_job_definition(self, context: Any, request: Json) -> Json:
        registry = self.registry(context)
        name = check_name("jobDefinitionName", request.get("jobDefinitionName"))
        if request.get("type") != "container" or not request.get("containerProperties", {}).get("image"):
            refuse("Only job definitions of type container with containerProperties.image can run on this machine")
        read_timeout(request.get("timeout"))
        read_retry_strategy(request.get("retryStrategy"))
        with self.scheduler.lock:
            revision = len(registry.definitions[name]) + 1
            definition = {
                "parameters": {},
                "tags": {},
                "platformCapabilities": ["EC2"],
                **request,
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
            self.registry(context).definition(request.get("jobDefinition"))["status"] = "INACTIVE"
        return {}

    @handler("DescribeJobDefinitions", expand=False)
    def describe_job_definitions(self, context: Any, request: Json) -> Json:
        wanted = [name_of(reference) for reference in request.get("jobDefinitions") or []]
        name, status = request.get("jobDefinitionName"), request.get("status")
        with self.scheduler.lock:
            revisions = [each for all_of_one in self.registry(context).definitions.values() for each in all_of_one]
        found = [
            dict(each)
            for each in reversed(revisions)
            if (not wanted or f"{each['jobDefinitionName']}:{each['revision']}" in wanted)
            and name in (None, each["jobDefinitionName"])
            and status in (None, each["status"])
        ]
        return {"jobDefinitions": found}


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


def read_retry_strategy(strategy: Json | None) -> RetryStrategy:
    try:
        return RetryStrategy.read(strategy)
    except RetryStrategyError as error:
        refuse(str(error))
