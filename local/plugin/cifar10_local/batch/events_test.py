import json

import pytest

from .events import _statuses
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
