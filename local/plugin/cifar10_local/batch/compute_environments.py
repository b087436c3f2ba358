"""The operations on compute environments, which start no instances here but limit what jobs can run."""

import uuid
from typing import Any

from localstack.aws.api.core import handler
from moto.batch.models import batch_backends
from moto.core.exceptions import JsonRESTError

from .job import Json, name_of
from .operations import Operations
from .paging import MAXIMUM, page
from .registry import Registry, check_name
from .shapes import refuse


class ComputeEnvironmentOperations(Operations):
    @handler("CreateComputeEnvironment", expand=False)
    def create_compute_environment(self, context: Any, request: Json) -> Json:
        registry = self.registry(context)
        name = check_name("computeEnvironmentName", request["computeEnvironmentName"])
        with self.scheduler.lock:
            if name in registry.environments:
                refuse(f"Compute environment {name} already exists")
            if request["type"] == "MANAGED":
                _check_resources(registry, request.get("computeResources"))
            account = registry.account
            role = "aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch"
            environment = {
                "state": "ENABLED",
                "tags": {},
                "serviceRole": f"arn:aws:iam::{account}:role/{role}",
                **request,
                "computeEnvironmentArn": registry.arn("compute-environment", name),
                "ecsClusterArn": f"arn:aws:ecs:{registry.region}:{account}:cluster/AWSBatch-{name}",
                "status": "VALID",
                "statusReason": "ComputeEnvironment Healthy",
                "containerOrchestrationType": "ECS",
                "uuid": str(uuid.uuid4()),
            }
            registry.environments[name] = environment
        return _reference(environment)

    @handler("UpdateComputeEnvironment", expand=False)
    def update_compute_environment(self, context: Any, request: Json) -> Json:
        registry = self.registry(context)
        with self.scheduler.lock:
            environment = registry.environment(request["computeEnvironment"])
            if resources := request.get("computeResources"):
                merged = environment.get("computeResources", {}) | resources
                if environment["type"] == "MANAGED":
                    _check_resources(registry, merged)
                environment["computeResources"] = merged
            environment.update(
                {key: request[key] for key in ("state", "serviceRole", "updatePolicy") if key in request}
            )
            self.scheduler.reconsider()
        return _reference(environment)

    @handler("DeleteComputeEnvironment", expand=False)
    def delete_compute_environment(self, context: Any, request: Json) -> Json:
        registry = self.registry(context)
        with self.scheduler.lock:
            environment = registry.environment(request["computeEnvironment"])
            arn = environment["computeEnvironmentArn"]
            if environment["state"] != "DISABLED":
                refuse("Cannot delete, found existing ENABLED compute environment: disable it first")
            orders = [queue["computeEnvironmentOrder"] for queue in registry.queues.values()]
            if any(entry["computeEnvironment"] == arn for order in orders for entry in order):
                refuse("Cannot delete, found existing JobQueue relationship")
            del registry.environments[environment["computeEnvironmentName"]]
        return {}

    @handler("DescribeComputeEnvironments", expand=False)
    def describe_compute_environments(self, context: Any, request: Json) -> Json:
        with self.scheduler.lock:
            return pick("computeEnvironments", self.registry(context).environments, request)


def pick(member: str, items: dict[str, Json], request: Json) -> Json:
    """
    A page of the items that the request's member names and that exist, or of all items if it names none.

    :param items: by name
    :raises CommonServiceException: the request names too many, or its page is invalid
    """
    references = request.get(member) or []
    if len(references) > MAXIMUM:
        refuse(f"{member} must have at most {MAXIMUM} entries, not {len(references)}")
    named = {name_of(reference) for reference in references} if references else items.keys()
    operation = f"Describe{member[0].upper()}{member[1:]}"
    names, token = page(operation, sorted(named & items.keys()), lambda name: [name], request)
    return {member: [dict(items[name]) for name in names]} | token


def _reference(environment: Json) -> Json:
    return {key: environment[key] for key in ("computeEnvironmentName", "computeEnvironmentArn")}


def _check_resources(registry: Registry, resources: Json | None) -> None:
    if not resources:
        refuse("computeResources must be provided for a MANAGED compute environment")
    resources = {"instanceTypes": ["optimal"], "subnets": [], "securityGroupIds": [], **resources}
    # moto knows which instance types exist, and which roles, subnets and security groups this account has.
    try:
        batch_backends[registry.account][registry.region]._validate_compute_resources(resources)
    except JsonRESTError as error:
        refuse(str(error.message))
