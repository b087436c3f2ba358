import time
from typing import Any, cast

import pytest

from .attempt import Finished
from .capacity import TOO_BIG, Resources
from .command import Image, build_command
from .example_job import example_array, example_job
from .job import Attempt, Dependency, Job, JobStatus, Stop
from .registry import Registry
from .retry import RetryStrategy
from .scheduler import Scheduler

SMALL, LARGE = Resources(1, 128, 0), Resources(8, 128, 0)


class NothingRuns(Scheduler):
    """Keeps the jobs that it would have started."""

    def __init__(self, slots: int) -> None:
        super().__init__(slots)
        self.started: list[str] = []

    def _run(self, job: Job, *_: Any) -> None:
        with self.lock:
            self.started.append(job.job_id)


@pytest.fixture
def registry() -> Registry:
    found = Registry("000000000000", "us-east-1")
    found.environments["ce"] = {
        "computeEnvironmentName": "ce",
        "state": "ENABLED",
        "computeResources": {"instanceTypes": ["c5.2xlarge"], "maxvCpus": 8},
    }
    for name, priority in (("queue", 1), ("urgent", 2)):
        found.queues[name] = {
            "priority": priority,
            "computeEnvironmentOrder": [{"order": 1, "computeEnvironment": "ce"}],
        }
    return found


def scheduler_with(registry: Registry, slots: int = 0) -> NothingRuns:
    scheduler = NothingRuns(slots)
    scheduler._registries[registry.account, registry.region] = registry
    return scheduler


def started(scheduler: NothingRuns, count: int) -> list[str]:
    deadline = time.monotonic() + 10
    while len(scheduler.started) < count and time.monotonic() < deadline:
        time.sleep(0.01)
    return scheduler.started


def test_a_job_that_cannot_be_scheduled_fails_alone(registry: Registry) -> None:
    scheduler = scheduler_with(registry, slots=1)
    broken = example_job("broken", resources=cast(Resources, "4GB"))
    scheduler.add(registry, broken)
    assert broken.status is JobStatus.FAILED
    assert "The job cannot be scheduled: 'str' object has no attribute 'vcpus'" in (broken.status_reason or "")
    scheduler.add(registry, example_job("next"))
    assert started(scheduler, 1) == ["next"]
    scheduler.end(broken, Stop("changed my mind", may_retry=False), running=True)


def test_an_array_of_10000_takes_less_than_two_seconds(registry: Registry) -> None:
    scheduler = scheduler_with(registry)
    array = example_array("array", 10_000)
    before = time.process_time()
    scheduler.add(registry, array)
    scheduler.end(array, Stop("no need", may_retry=False), running=True)
    assert time.process_time() - before < 2
    assert array.status is JobStatus.FAILED
    assert array.is_terminated
    assert array.child_states == {JobStatus.FAILED: 10_000, **dict.fromkeys(list(JobStatus)[:3], 0)}


def test_a_chain_of_10000_fails_with_its_first_job(registry: Registry) -> None:
    scheduler = scheduler_with(registry)
    array = example_array("array", 10_000, depends_on=[Dependency(None, "SEQUENTIAL")])
    scheduler.add(registry, array)
    assert [child.status for child in array.children[:2]] == [JobStatus.RUNNABLE, JobStatus.PENDING]
    scheduler.end(array.children[0], Stop("no need", may_retry=False), running=True)
    assert array.children[-1].status_reason == "Dependent Job failed"
    assert array.status is JobStatus.FAILED


def finish(scheduler: Scheduler, job: Job, exit_code: int) -> None:
    """Ends the attempt that runs."""
    with scheduler.lock:
        scheduler._active.pop(job.job_id, None)
        scheduler._finish(job, Attempt("stream", "task", "instance"), Finished(exit_code))
        scheduler.schedule()


def test_a_killed_child_of_an_array_is_tried_again_with_its_index_and_the_array_fails_with_a_child(
    registry: Registry,
) -> None:
    scheduler = scheduler_with(registry, slots=2)
    array = example_array("array", 3, retry=RetryStrategy(attempts=2))
    scheduler.add(registry, array)
    # Each attempt has a thread, and the threads of two that start together run in any order.
    assert sorted(started(scheduler, 2)) == ["array:0", "array:1"]
    finish(scheduler, array.children[1], 137)

    assert started(scheduler, 3)[-1] == "array:1"
    environment = build_command(array.children[1], Image("/app", []), "", {}).environment
    assert environment["AWS_BATCH_JOB_ARRAY_INDEX"] == "1"
    assert environment["AWS_BATCH_JOB_ATTEMPT"] == "2"

    finish(scheduler, array.children[1], 137)
    assert array.children[1].status is JobStatus.FAILED
    assert array.describe()["status"] == "PENDING"
    for index in (0, 2):
        finish(scheduler, array.children[index], 0)
    assert array.status is JobStatus.FAILED
    assert array.status_reason == "Array Child Job failed"
    shown = array.describe()["arrayProperties"]
    assert {name: count for name, count in shown["statusSummary"].items() if count} == {"SUCCEEDED": 2, "FAILED": 1}


def test_an_array_is_pending_when_its_first_child_may_run(registry: Registry) -> None:
    scheduler = scheduler_with(registry, slots=1)
    first = example_job("first")
    array = example_array("array", 2, depends_on=[Dependency("first", None)])
    for job in (first, array):
        scheduler.add(registry, job)
    assert [each.status for each in (array, *array.children)] == ["SUBMITTED", "PENDING", "PENDING"]
    started(scheduler, 1)
    finish(scheduler, first, 0)
    assert array.status is JobStatus.PENDING
    assert array.children[1].status is JobStatus.RUNNABLE


def test_jobs_start_by_priority_of_their_queue_and_then_by_age(registry: Registry) -> None:
    scheduler = scheduler_with(registry)
    for job_id, queue, at in (("second", "queue", 2), ("first", "queue", 1), ("urgent", "urgent", 3)):
        arn = f"arn:aws:batch:us-east-1:000000000000:job-queue/{queue}"
        scheduler.add(registry, example_job(job_id, queue_arn=arn, created_at=at))
    for count, job_id in enumerate(("urgent", "first", "second"), start=1):
        scheduler._slots = count
        scheduler.schedule()
        assert started(scheduler, count)[-1] == job_id


def test_a_job_that_does_not_fit_now_does_not_hold_up_smaller_ones(registry: Registry) -> None:
    scheduler = scheduler_with(registry, slots=3)
    scheduler.add(registry, example_job("running", resources=SMALL))
    scheduler.add(registry, example_job("large", resources=LARGE))
    scheduler.add(registry, example_job("small", resources=SMALL))
    assert sorted(started(scheduler, 2)) == ["running", "small"]


def test_a_job_that_is_too_large_starts_when_the_compute_environment_grows(registry: Registry) -> None:
    scheduler = scheduler_with(registry, slots=1)
    job = example_job("large", resources=Resources(16, 128, 0))
    scheduler.add(registry, job)
    assert job.status_reason == TOO_BIG
    registry.environments["ce"]["computeResources"] = {"instanceTypes": ["c5.4xlarge"], "maxvCpus": 16}
    scheduler.reconsider()
    assert started(scheduler, 1) == ["large"]
