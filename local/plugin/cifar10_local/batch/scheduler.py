"""
The state machine of Batch:

    SUBMITTED → PENDING (waits for other jobs) → RUNNABLE (waits for capacity) → STARTING → RUNNING → SUCCEEDED | FAILED
                                                    ↑                                        │
                                                    └──────────── another attempt ───────────┘

One lock guards all registries and jobs. Each attempt has a thread, and only that thread uses the attempt's process.
A change costs time for the jobs that it affects, not for all that there are: an array has up to 10,000.
"""

import logging
import threading
import uuid
from collections import defaultdict, deque
from collections.abc import Callable

from .attempt import Finished, NotStarted, run_attempt
from .capacity import TOO_BIG, can_ever_run
from .command import LogPlace, log_place
from .dependencies import DependencyState, awaited, dependency_state
from .events import EventPublisher
from .job import Attempt, Job, JobStatus, Json, Stop, name_of, now_ms
from .registry import Registry
from .waiting import WaitingJobs

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
        self._dependents: defaultdict[str, list[Job]] = defaultdict(list)
        """The jobs that wait for a job, by its id."""
        self._ended: deque[Job] = deque()
        """Jobs that have ended since their dependents were last looked at."""
        self._waiting = WaitingJobs()
        self._active: dict[str, Job] = {}
        """The jobs that have a process, by id."""
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
            self._guard(job, self._events.publish)
            for each in (job, *job.children):
                self._guard(each, self._admit)
            self.schedule()

    def end(self, job: Job, stop: Stop, *, running: bool) -> None:
        """
        Cancels or terminates a job and its children, except those that have ended.

        :param running: whether to end jobs that have a process too
        """
        with self.lock:
            for each in (job, *job.children):
                if each.status.is_final or (each.status.has_process and not running):
                    continue
                each.is_terminated, each.is_cancelled = running, not running
                if each.children:
                    continue
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
            job = self._active.get(job_id)
            if job is None:
                return False
            job.request_stop(Stop("Host EC2 (instance i-0123456789abcdef0) terminated.", may_retry=True))
            return True

    def close(self) -> None:
        """Starts no more jobs, and ends those that run."""
        with self.lock:
            self._is_closing = True
            for job in self._active.values():
                job.request_stop(Stop("LocalStack is stopping", may_retry=False))

    def reconsider(self) -> None:
        """Looks at all jobs that wait for capacity again, after a change of a queue or compute environment."""
        with self.lock:
            for job in self._waiting:
                self._guard(job, self._explain_wait)
            self.schedule()

    def schedule(self) -> None:
        """Moves jobs as far as possible; called after each change that may let one continue."""
        with self.lock:
            if self._is_closing:
                return
            while self._ended:
                for dependent in self._dependents.pop(self._ended.popleft().job_id, []):
                    self._guard(dependent, self._pass_dependencies)
            self._start_what_fits()

    # Implementation. All callers hold the lock.

    def _guard(self, job: Job, step: Callable[[Job], None]) -> None:
        """Whatever is wrong with a job, only this job fails."""
        try:
            step(job)
        except Exception as error:
            LOG.exception("job %s cannot be scheduled", job.job_id)
            self._move(job, JobStatus.FAILED, f"The job cannot be scheduled: {error}")

    def _admit(self, job: Job) -> None:
        if job.children:
            return
        self._move(job, JobStatus.PENDING)
        jobs = self._registry_of(job).jobs
        for job_id in awaited(job):
            if job_id in jobs and not jobs[job_id].status.is_final:
                self._dependents[job_id].append(job)
        self._pass_dependencies(job)

    def _pass_dependencies(self, job: Job) -> None:
        if job.status is not JobStatus.PENDING:
            return
        match dependency_state(job, self._registry_of(job).jobs):
            case DependencyState.FAILED:
                self._move(job, JobStatus.FAILED, "Dependent Job failed")
            case DependencyState.MET:
                self._wait_for_capacity(job)

    def _wait_for_capacity(self, job: Job) -> None:
        self._move(job, JobStatus.RUNNABLE)
        self._explain_wait(job)
        self._waiting.add(job)

    def _explain_wait(self, job: Job) -> None:
        environments = _environments(job, self._registry_of(job))
        fits = any(can_ever_run(job.resources, environment) for environment in environments)
        job.status_reason = None if fits else TOO_BIG

    def _start_what_fits(self) -> None:
        blocked = set()
        while len(self._active) < self._slots:
            waiting = [entry for entry in self._waiting.first_of_each_group() if entry[0] not in blocked]
            # The sort is stable: of jobs with the same priority the oldest is first.
            waiting.sort(key=lambda entry: -self._priority(entry[1]))
            if not waiting:
                return
            group, job = waiting[0]
            self._guard(job, self._start_if_fits)
            if job.status is JobStatus.RUNNABLE:
                blocked.add(group)

    def _start_if_fits(self, job: Job) -> None:
        environments = _environments(job, self._registry_of(job))
        environment = next((each for each in environments if self._has_capacity(each, job)), None)
        if environment is None:
            return
        job.environment_name = environment["computeEnvironmentName"]
        self._move(job, JobStatus.STARTING)
        name = f"batch-job-{job.job_id}"
        threading.Thread(target=self._run, args=(job, log_place(job)), name=name, daemon=True).start()
        self._active[job.job_id] = job

    def _has_capacity(self, environment: Json, job: Job) -> bool:
        limit = environment.get("computeResources", {}).get("maxvCpus", float("inf"))
        place = (job.account, job.region, environment["computeEnvironmentName"])
        neighbours = (
            other for other in self._active.values() if (other.account, other.region, other.environment_name) == place
        )
        used = sum(other.resources.vcpus for other in neighbours)
        return bool(can_ever_run(job.resources, environment) and used + job.resources.vcpus <= limit)

    def _priority(self, job: Job) -> int:
        priority: int = self._registry_of(job).queues[job.queue_name]["priority"]
        return priority

    def _registry_of(self, job: Job) -> Registry:
        return self._registries[job.account, job.region]

    def _move(self, job: Job, status: JobStatus, reason: str | None = None) -> None:
        if job.status.is_final:
            return
        before = job.status
        job.status, job.status_reason = status, reason
        if status is JobStatus.RUNNING:
            job.started_at = now_ms()
        if status.is_final:
            job.stopped_at = now_ms()
            self._ended.append(job)
        self._events.publish(job)
        if job.parent is not None:
            self._follow_child(job.parent, before, status)

    def _follow_child(self, parent: Job, before: JobStatus, status: JobStatus) -> None:
        """
        An array is PENDING once a child is RUNNABLE, starts with its first child, and ends with its last.

        https://docs.aws.amazon.com/batch/latest/userguide/array_jobs.html
        """
        parent.child_states[before] -= 1
        parent.child_states[status] += 1
        if parent.status is JobStatus.SUBMITTED and status is JobStatus.RUNNABLE:
            self._move(parent, JobStatus.PENDING)
        if parent.started_at is None and status is JobStatus.RUNNING:
            parent.started_at = now_ms()
        failed = parent.child_states[JobStatus.FAILED]
        if failed + parent.child_states[JobStatus.SUCCEEDED] == len(parent.children):
            self._move(
                parent,
                JobStatus.FAILED if failed else JobStatus.SUCCEEDED,
                "Array Child Job failed" if failed else None,
            )

    # The thread of an attempt.

    def _run(self, job: Job, place: LogPlace) -> None:
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
            self._active.pop(job.job_id, None)
            self._guard(job, lambda job: self._finish(job, attempt, end))
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
            self._wait_for_capacity(job)
        else:
            self._move(job, JobStatus.FAILED, attempt.status_reason)


def _environments(job: Job, registry: Registry) -> list[Json]:
    """The enabled compute environments of the job's queue, in its order."""
    order = sorted(registry.queues[job.queue_name]["computeEnvironmentOrder"], key=lambda entry: entry["order"])
    found = (registry.environments.get(name_of(entry["computeEnvironment"])) for entry in order)
    return [environment for environment in found if environment is not None and environment["state"] == "ENABLED"]
