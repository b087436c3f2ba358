import json

import pytest
from localstack.services.events.models import EventBus, Rule, events_stores

from .events import EventPublisher, _statuses
from .example_job import example_job
from .job import JobStatus


@pytest.mark.parametrize(
    ("detail", "statuses"),
    [
        ({"status": ["FAILED"]}, {"FAILED"}),
        ({"status": ["FAILED", "SUCCEEDED"], "jobName": [{"prefix": "train"}]}, {"FAILED", "SUCCEEDED"}),
        ({"status": [{"anything-but": "FAILED"}]}, set(JobStatus)),
        ({"$or": [{"status": ["FAILED"]}, {"jobName": ["train"]}]}, set(JobStatus)),
        ({}, set(JobStatus)),
    ],
)
def test_no_event_that_a_rule_may_await_is_dropped(detail: dict[str, object], statuses: set[str]) -> None:
    assert _statuses(json.dumps({"source": ["aws.batch"], "detail": detail})) == statuses


def test_nothing_is_sent_that_no_rule_awaits() -> None:
    job = example_job(region="eu-north-1", status=JobStatus.RUNNABLE)
    buses = events_stores[job.account][job.region].event_buses
    publisher = EventPublisher()
    publisher.publish(job)
    bus = buses["default"] = EventBus("default", job.region, job.account)
    publisher.publish(job)
    bus.rules["failures"] = Rule(
        "failures", job.region, job.account, event_pattern='{"detail": {"status": ["FAILED"]}}'
    )
    publisher.publish(job)
    assert publisher._events.unfinished_tasks == 0
