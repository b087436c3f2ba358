"""The operations on jobs."""

import copy
import fnmatch
import threading
import uuid
from dataclasses import replace
from typing import Any

from localstack.aws.api.core import handler

from .job import Dependency, Job, JobStatus, Json, Stop, name_of, without_none
from .job_definitions import read_retry_strategy, read_timeout
from .operations import Operations
from .registry import Registry, check_name, refuse

MAXIMUM_ARRAY = 10_000
PAGE = 100


class JobOperations(Operations):
    @handler("SubmitJob", expand=False)
    def submit_job(self, context: Any, request: Json) -> Json:
        registry = self.registry(context)
        with self.scheduler.lock:
            job = _read_job(registry, request)
            self.scheduler.add(registry, job)
        return {"jobArn": job.arn, "jobName": job.name, "jobId": job.job_id}

    @handler("DescribeJobs", expand=False)
    def describe_jobs(self, context: Any, request: Json) -> Json:
        registry = self.registry(context)
        with self.scheduler.lock:
            found = [registry.jobs.get(name_of(reference)) for reference in request.get("jobs", [])]
            return {"jobs": [job.describe() for job in found if job is not None]}

    @handler("ListJobs", expand=False)
    def list_jobs(self, context: Any, request: Json) -> Json:
        registry = self.registry(context)
        with self.scheduler.lock:
            jobs = sorted(_select(registry, request), key=lambda job: -job.created_at)
            start, size = int(request.get("nextToken") or 0), request.get("maxResults") or PAGE
            page = {"jobSummaryList": [job.summarize() for job in jobs[start : start + size]]}
        return page | ({"nextToken": str(start + size)} if start + size < len(jobs) else {})

    @handler("CancelJob", expand=False)
    def cancel_job(self, context: Any, request: Json) -> Json:
        """Cancels a job that has not started."""
        return self._end(context, request, running=False)

    @handler("TerminateJob", expand=False)
    def terminate_job(self, context: Any, request: Json) -> Json:
        return self._end(context, request, running=True)

    def _end(self, context: Any, request: Json, *, running: bool) -> Json:
        reason = request.get("reason") or refuse("reason must be provided")
        with self.scheduler.lock:
            # AWS ignores unknown jobs.
            if job := self.registry(context).jobs.get(request.get("jobId", "")):
                self.scheduler.end(job, Stop(reason, may_retry=False), running=running)
        return {}


def _read_job(registry: Registry, request: Json) -> Job:
    name = check_name("jobName", request.get("jobName"))
    queue = registry.queue(request.get("jobQueue"))
    if queue["state"] != "ENABLED":
        refuse(f"Job Queue {queue['jobQueueArn']} is DISABLED")
    definition = registry.definition(request.get("jobDefinition"))
    if definition["status"] != "ACTIVE":
        refuse(f"JobDefinition {definition['jobDefinitionArn']} is not active")
    depends_on = [Dependency.read(entry) for entry in request.get("dependsOn", [])]
    for dependency in depends_on:
        if dependency.job_id:
            registry.job(dependency.job_id)
    job_id = str(uuid.uuid4())
    returned = {
        "platformCapabilities": definition["platformCapabilities"],
        "propagateTags": request.get("propagateTags", definition.get("propagateTags", False)),
        "shareIdentifier": request.get("shareIdentifier"),
        "schedulingPriority": request.get("schedulingPriorityOverride", definition.get("schedulingPriority")),
    }
    job = Job(
        job_id=job_id,
        arn=registry.arn("job", job_id),
        name=name,
        region=registry.region,
        account=registry.account,
        queue_arn=queue["jobQueueArn"],
        definition_arn=definition["jobDefinitionArn"],
        container=_override(definition["containerProperties"], request.get("containerOverrides") or {}),
        parameters={**definition.get("parameters", {}), **request.get("parameters", {})},
        retry=read_retry_strategy(request.get("retryStrategy") or definition.get("retryStrategy")),
        timeout_seconds=read_timeout(request.get("timeout") or definition.get("timeout")),
        depends_on=depends_on,
        tags=request.get("tags", {}),
        settings=without_none(returned),
    )
    size = (request.get("arrayProperties") or {}).get("size")
    if size is not None:
        if not 2 <= size <= MAXIMUM_ARRAY:
            refuse(f"Array size must be between 2 and {MAXIMUM_ARRAY}, not {size}")
        job.children = [_child(registry, job, index) for index in range(size)]
    return job


def _child(registry: Registry, parent: Job, index: int) -> Job:
    job_id = f"{parent.job_id}:{index}"
    return replace(
        parent,
        job_id=job_id,
        arn=registry.arn("job", job_id),
        parent=parent,
        index=index,
        children=[],
        attempts=[],
        stop_requested=threading.Event(),
    )


def _override(container: Json, overrides: Json) -> Json:
    """Replaces the command, and merges variables and resources by name."""
    merged = copy.deepcopy(container)
    merged.update({key: overrides[key] for key in ("command", "vcpus", "memory", "instanceType") if key in overrides})
    for field, key in (("environment", "name"), ("resourceRequirements", "type")):
        by_name = {entry[key]: entry for entry in [*merged.get(field, []), *overrides.get(field, [])]}
        merged[field] = list(by_name.values())
    return merged


def _select(registry: Registry, request: Json) -> list[Job]:
    """The jobs that match; by default only running ones, as on AWS, and with a filter those in any state."""
    filters = {entry["name"]: entry["values"] for entry in request.get("filters") or []}
    if parent_id := request.get("arrayJobId"):
        parent = registry.jobs.get(parent_id)
        jobs = list(parent.children) if parent else []
    else:
        arn = registry.queue(request.get("jobQueue"))["jobQueueArn"]
        jobs = [job for job in registry.jobs.values() if job.queue_arn == arn and job.parent is None]
    if filters:
        return [job for job in jobs if all(_passes(job, name, values) for name, values in filters.items())]
    status = request.get("jobStatus") or (None if parent_id else JobStatus.RUNNING)
    return [job for job in jobs if status is None or job.status == status]


def _passes(job: Job, name: str, values: list[str]) -> bool:
    match name:
        case "JOB_NAME":
            return any(fnmatch.fnmatchcase(job.name.lower(), value.lower()) for value in values)
        case "JOB_DEFINITION":
            definition = name_of(job.definition_arn)
            wanted = [name_of(value) for value in values]
            return any(fnmatch.fnmatchcase(definition, value if ":" in value else f"{value}:*") for value in wanted)
        case "BEFORE_CREATED_AT":
            return job.created_at < int(values[0])
        case "AFTER_CREATED_AT":
            return job.created_at > int(values[0])
    refuse(f"Filter {name} is not one of JOB_NAME, JOB_DEFINITION, BEFORE_CREATED_AT, AFTER_CREATED_AT")
