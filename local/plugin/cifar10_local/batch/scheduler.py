"""
The state machine of Batch:

    SUBMITTED → PENDING (waits for other jobs) → RUNNABLE (waits for capacity) → STARTING → RUNNING → SUCCEEDED | FAILED
                                                    ↑                                        │
                                                    └──────────── another attempt ───────────┘

One lock guards all registries and jobs. Each attempt has a thread, and only that thread uses the attempt's process.
"""

import logging
import threading
import uuid
from collections.abc import Iterator

from .attempt import Finished, NotStarted, run_attempt
from .capacity import TOO_BIG, can_ever_run, required
from .command import log_place
from .dependencies import DependencyState, dependency_state
from .events import EventPublisher
from .job import Attempt, Job, JobStatus, Json, Stop, name_of, now_ms
from .registry import Registry

LOG = logging.getLogger(__name__)


class Scheduler:
    """Decides which job is in which state, and runs what can run."""

    def __init__(self, slots: int) -> None:
        """
        :param slots: how many attempts may run at the same time on this machine
        """
        self.lock = threading.RLock()
        self._slots = slots
        self._registries: dict[tuple[str, str], Registry] = {}
        self._events = EventPublisher()
        self._is_closing = False

    def registry(self, account: str, region: str) -> Registry:
        with self.lock:
            return self._registries.setdefault((account, region), Registry(account, region))

    # Requests.

    def add(self, registry: Registry, job: Job) -> None:
        """Adds a submitted job, with its children if it is an array."""
        with self.lock:
            for each in (job, *job.children):
                registry.jobs[each.job_id] = each
            self._events.publish(job)
            self.schedule()

    def end(self, job: Job, stop: Stop, *, running: bool) -> None:
        """
        Cancels or terminates a job and its children, except those that have ended.

        :param running: whether to end jobs that have a process too
        """
        with self.lock:
            for each in job.children or [job]:
                if each.status.is_final or (each.status.has_process and not running):
                    continue
                each.is_terminated, each.is_cancelled = running, not running
                each.request_stop(stop)
                if not each.status.has_process:
                    self._move(each, JobStatus.FAILED, stop.reason)
            self.schedule()

    def interrupt(self, job_id: str) -> bool:
        """
        Ends a running job's attempt as if its Spot instance was reclaimed.

        :returns: whether the job was running
        """
        with self.lock:
            job = next((job for job in self._all_jobs() if job.job_id == job_id and job.status.has_process), None)
            if job is None:
                return False
            job.request_stop(Stop("Host EC2 (instance i-0123456789abcdef0) terminated.", may_retry=True))
            return True

    def close(self) -> None:
        """Starts no more jobs, and ends those that run."""
        with self.lock:
            self._is_closing = True
            for job in self._all_jobs():
                if job.status.has_process:
                    job.request_stop(Stop("LocalStack is stopping", may_retry=False))

    def schedule(self) -> None:
        """Moves every job as far as possible; called after each change that may let one continue."""
        with self.lock:
            if self._is_closing:
                return
            for registry in self._registries.values():
                # If a job fails, those that depend on it fail as well.
                while any(self._pass_dependencies(registry, job) for job in list(registry.jobs.values())):
                    pass
            self._start_what_fits()

    # Implementation. All callers hold the lock.

    def _all_jobs(self) -> Iterator[Job]:
        """All jobs that can have a process: an array's parent cannot."""
        return (job for registry in self._registries.values() for job in registry.jobs.values() if not job.children)

    def _pass_dependencies(self, registry: Registry, job: Job) -> bool:
        """
        :returns: whether this may affect other jobs
        """
        if job.status is JobStatus.SUBMITTED:
            self._move(job, JobStatus.PENDING)
        if job.status is not JobStatus.PENDING or job.children:
            return False
        match dependency_state(job, registry.jobs):
            case DependencyState.FAILED:
                self._move(job, JobStatus.FAILED, "Dependent Job failed")
                return True
            case DependencyState.MET:
                self._move(job, JobStatus.RUNNABLE)
        return False

    def _start_what_fits(self) -> None:
        active = [job for job in self._all_jobs() if job.status.has_process]
        waiting = [
            (registry.queues[job.queue_name], job, registry)
            for registry in self._registries.values()
            for job in registry.jobs.values()
            if job.status is JobStatus.RUNNABLE and not job.children and job.queue_name in registry.queues
        ]
        waiting.sort(key=lambda entry: (-entry[0].get("priority", 0), entry[1].created_at, entry[1].index or 0))
        for queue, job, registry in waiting:
            environments = _environments(queue, registry)
            if not any(can_ever_run(required(job.container), environment) for environment in environments):
                job.status_reason = TOO_BIG
                continue
            job.status_reason = None
            if len(active) >= self._slots:
                continue
            environment = next((each for each in environments if _has_capacity(each, job, active)), None)
            if environment is not None:
                job.environment_name = environment["computeEnvironmentName"]
                self._move(job, JobStatus.STARTING)
                active.append(job)
                threading.Thread(target=self._run, args=(job,), name=f"batch-job-{job.job_id}", daemon=True).start()

    def _move(self, job: Job, status: JobStatus, reason: str | None = None) -> None:
        if job.status.is_final:
            return
        job.status, job.status_reason = status, reason
        if status is JobStatus.RUNNING:
            job.started_at = now_ms()
        if status.is_final:
            job.stopped_at = now_ms()
        self._events.publish(job)
        if job.parent is not None:
            self._follow_children(job.parent)

    def _follow_children(self, parent: Job) -> None:
        """An array starts with its first child and ends with its last."""
        states = [child.status for child in parent.children]
        if parent.started_at is None and JobStatus.RUNNING in states:
            parent.started_at = now_ms()
        if all(state.is_final for state in states):
            failed = JobStatus.FAILED in states
            self._move(
                parent,
                JobStatus.FAILED if failed else JobStatus.SUCCEEDED,
                "Array Child Job failed" if failed else None,
            )

    # The thread of an attempt.

    def _run(self, job: Job) -> None:
        place = log_place(job)
        task = uuid.uuid4().hex
        attempt = Attempt(
            log_stream=f"{place.prefix}/default/{task}",
            task_arn=f"arn:aws:ecs:{job.region}:{job.account}:task/{job.environment_name}/{task}",
            instance_arn=f"arn:aws:ecs:{job.region}:{job.account}:container-instance/{job.environment_name}/local",
        )

        def on_started() -> None:
            with self.lock:
                attempt.started_at = now_ms()
                job.current = attempt
                self._move(job, JobStatus.RUNNING)

        try:
            end = run_attempt(job, attempt, place.group, on_started)
        except Exception as error:
            LOG.exception("job %s could not be run", job.job_id)
            end = NotStarted(f"CannotStartContainerError: {error}")
        with self.lock:
            self._finish(job, attempt, end)
        self.schedule()

    def _finish(self, job: Job, attempt: Attempt, end: Finished | NotStarted) -> None:
        stop = job.stop
        attempt.stopped_at = now_ms()
        if isinstance(end, NotStarted):
            attempt.reason, attempt.status_reason = end.reason, "Task failed to start"
        else:
            attempt.exit_code, attempt.status_reason = end.exit_code, "Essential container in task exited"
        if stop is not None:
            attempt.status_reason = stop.reason
        job.current = attempt
        job.attempts.append(attempt)
        if self._is_closing:
            return
        if attempt.exit_code == 0 and stop is None:
            self._move(job, JobStatus.SUCCEEDED, attempt.status_reason)
        elif (stop is None or stop.may_retry) and job.retry.retries(
            len(job.attempts), attempt.exit_code, attempt.reason, attempt.status_reason
        ):
            job.clear_stop()
            self._move(job, JobStatus.RUNNABLE)
        else:
            self._move(job, JobStatus.FAILED, attempt.status_reason)


def _environments(queue: Json, registry: Registry) -> list[Json]:
    """The queue's enabled compute environments, in its order."""
    order = sorted(queue["computeEnvironmentOrder"], key=lambda entry: entry.get("order", 0))
    found = (registry.environments.get(name_of(entry["computeEnvironment"])) for entry in order)
    return [environment for environment in found if environment is not None and environment["state"] == "ENABLED"]


def _has_capacity(environment: Json, job: Job, active: list[Job]) -> bool:
    limit = environment.get("computeResources", {}).get("maxvCpus", float("inf"))
    name = environment["computeEnvironmentName"]
    used = sum(required(other.container).vcpus for other in active if other.environment_name == name)
    wanted = required(job.container)
    return bool(can_ever_run(wanted, environment) and used + wanted.vcpus <= limit)
