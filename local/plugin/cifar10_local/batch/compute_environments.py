"""The operations on compute environments, which start no instances here but limit what jobs can run."""

import uuid
from typing import Any

from localstack.aws.api.core import handler
from moto.batch.models import batch_backends
from moto.core.exceptions import JsonRESTError

from .job import Json, name_of
from .operations import Operations
from .registry import Registry, check_name, refuse


class ComputeEnvironmentOperations(Operations):
    @handler("CreateComputeEnvironment", expand=False)
    def create_compute_environment(self, context: Any, request: Json) -> Json:
        registry = self.registry(context)
        name = check_name("computeEnvironmentName", request.get("computeEnvironmentName"))
        with self.scheduler.lock:
            if name in registry.environments:
                refuse("Object already exists")
            if request.get("type") == "MANAGED":
                _check_resources(registry, request.get("computeResources"))
            account = registry.account
            role = "aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch"
            environment = {
                "state": "ENABLED",
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
        with self.scheduler.lock:
            environment = self.registry(context).environment(request.get("computeEnvironment"))
            if resources := request.get("computeResources"):
                environment["computeResources"] = environment.get("computeResources", {}) | resources
            environment.update(
                {key: request[key] for key in ("state", "serviceRole", "updatePolicy") if key in request}
            )
            self.scheduler.schedule()
        return _reference(environment)

    @handler("DeleteComputeEnvironment", expand=False)
    def delete_compute_environment(self, context: Any, request: Json) -> Json:
        registry = self.registry(context)
        with self.scheduler.lock:
            environment = registry.environment(request.get("computeEnvironment"))
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
            found = pick(self.registry(context).environments, request.get("computeEnvironments"))
            return {"computeEnvironments": found}


def pick(items: dict[str, Json], references: list[str] | None) -> list[Json]:
    """The named items that exist, or all items if none is named."""
    if not references:
        return [dict(item) for item in items.values()]
    return [dict(items[name]) for name in map(name_of, references) if name in items]


def _reference(environment: Json) -> Json:
    return {key: environment[key] for key in ("computeEnvironmentName", "computeEnvironmentArn")}


def _check_resources(registry: Registry, resources: Json | None) -> None:
    if not resources:
        refuse("computeResources must be provided for a MANAGED compute environment")
    for key in ("type", "maxvCpus", "subnets", "securityGroupIds"):
        if not resources.get(key):
            refuse(f"computeResources.{key} is required")
    # moto knows which instance types exist, and which roles, subnets and security groups this account has.
    try:
        batch_backends[registry.account][registry.region]._validate_compute_resources(resources)
    except JsonRESTError as error:
        refuse(str(error.message))
