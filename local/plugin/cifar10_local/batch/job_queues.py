"""The operations on job queues."""

from typing import Any

from localstack.aws.api.core import handler

from .compute_environments import pick
from .job import Json, Stop
from .operations import Operations
from .registry import Registry, check_name
from .shapes import refuse

MAXIMUM_ENVIRONMENTS = 3
SHORTEST_LIMIT, LONGEST_LIMIT = 600, 86_400
"""https://docs.aws.amazon.com/batch/latest/APIReference/API_JobStateTimeLimitAction.html"""
CHANGEABLE = ("state", "priority", "schedulingPolicyArn", "jobStateTimeLimitActions")


class JobQueueOperations(Operations):
    @handler("CreateJobQueue", expand=False)
    def create_job_queue(self, context: Any, request: Json) -> Json:
        registry = self.registry(context)
        name = check_name("jobQueueName", request["jobQueueName"])
        with self.scheduler.lock:
            if name in registry.queues:
                refuse(f"Job queue {name} already exists")
            if "schedulingPolicyArn" in request:
                registry.policy(request["schedulingPolicyArn"])
            _check_time_limits(request)
            registry.queues[name] = {
                "state": "ENABLED",
                "tags": {},
                "serviceEnvironmentOrder": [],
                "jobStateTimeLimitActions": [],
                **request,
                "jobQueueArn": registry.arn("job-queue", name),
                "status": "VALID",
                "statusReason": "JobQueue Healthy",
                "computeEnvironmentOrder": _order(registry, request),
            }
            return _reference(registry.queues[name])

    @handler("UpdateJobQueue", expand=False)
    def update_job_queue(self, context: Any, request: Json) -> Json:
        registry = self.registry(context)
        with self.scheduler.lock:
            queue = registry.queue(request["jobQueue"])
            _check_time_limits(request)
            changes = {key: request[key] for key in CHANGEABLE if key in request}
            if "computeEnvironmentOrder" in request:
                changes["computeEnvironmentOrder"] = _order(registry, request)
            if "schedulingPolicyArn" in request:
                registry.policy(request["schedulingPolicyArn"])
                if "schedulingPolicyArn" not in queue:
                    refuse(f"Job queue {queue['jobQueueName']} is first-in, first-out: it can get no scheduling policy")
            queue.update(changes)
            self.scheduler.reconsider()
            return _reference(queue)

    @handler("DeleteJobQueue", expand=False)
    def delete_job_queue(self, context: Any, request: Json) -> Json:
        """Ends the queue's jobs, as AWS does."""
        registry = self.registry(context)
        with self.scheduler.lock:
            queue = registry.queue(request["jobQueue"])
            if queue["state"] != "DISABLED":
                refuse("Cannot delete, found existing ENABLED job queue: disable it first")
            for job in registry.jobs.values():
                if job.queue_arn == queue["jobQueueArn"] and job.parent is None:
                    self.scheduler.end(job, Stop("Job queue deleted", may_retry=False), running=True)
            del registry.queues[queue["jobQueueName"]]
        return {}

    @handler("DescribeJobQueues", expand=False)
    def describe_job_queues(self, context: Any, request: Json) -> Json:
        with self.scheduler.lock:
            return pick("jobQueues", self.registry(context).queues, request)


def _reference(queue: Json) -> Json:
    return {key: queue[key] for key in ("jobQueueName", "jobQueueArn")}


def _order(registry: Registry, request: Json) -> list[Json]:
    """
    The order with ARNs instead of names.

    :raises CommonServiceException: an environment does not exist, or AWS would not put them in one queue
    """
    entries = request.get("computeEnvironmentOrder") or []
    if not entries:
        refuse("At least 1 compute environment must be provided")
    if len(entries) > MAXIMUM_ENVIRONMENTS:
        refuse(f"computeEnvironmentOrder must have at most {MAXIMUM_ENVIRONMENTS} entries, not {len(entries)}")
    environments = [registry.environment(entry["computeEnvironment"]) for entry in entries]
    if len({_is_fargate(environment) for environment in environments}) > 1:
        refuse("computeEnvironmentOrder must not have both EC2 and Fargate compute environments")
    return [
        {**entry, "computeEnvironment": environment["computeEnvironmentArn"]}
        for entry, environment in zip(entries, environments, strict=True)
    ]


def _check_time_limits(request: Json) -> None:
    """
    Limits have no effect here: no job of this machine waits for capacity that never comes.

    :raises CommonServiceException: AWS would not accept one
    """
    for index, limit in enumerate(request.get("jobStateTimeLimitActions") or []):
        path, seconds = f"jobStateTimeLimitActions[{index}]", limit["maxTimeSeconds"]
        if limit["state"] != "RUNNABLE" or limit["action"] != "CANCEL":
            refuse(f"{path} must CANCEL what is RUNNABLE, not {limit['action']} what is {limit['state']}")
        if not SHORTEST_LIMIT <= seconds <= LONGEST_LIMIT:
            refuse(f"{path}.maxTimeSeconds must be between {SHORTEST_LIMIT} and {LONGEST_LIMIT}, not {seconds}")


def _is_fargate(environment: Json) -> bool:
    kind: str = environment.get("computeResources", {}).get("type", "")
    return kind.startswith("FARGATE")
