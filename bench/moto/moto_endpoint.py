"""
A pytest plugin for moto's tests: they meet the endpoint that AWS_ENDPOINT_URL names instead of moto, and each outcome
becomes a line of JSON in the file that MOTO_OUTCOMES names.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import moto
import pytest


def mock_aws(function: Any = None, **_: Any) -> Any:
    """Replaces moto's decorator, which would answer instead of the endpoint."""
    return mock_aws if function is None else function


moto.mock_aws = mock_aws


@pytest.fixture(autouse=True)
def forget_scheduling_policies(request: pytest.FixtureRequest) -> Iterator[None]:
    """moto forgets everything after a test, and several tests create a policy of the same name."""
    yield
    if "scheduling_policy" in request.node.nodeid:
        batch = boto3.client("batch", "us-east-2")
        for policy in batch.list_scheduling_policies()["schedulingPolicies"]:
            batch.delete_scheduling_policy(arn=policy["arn"])


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    # A test that passes has three reports, of which that of its call counts.
    if report.when == "call" or not report.passed:
        _write(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        _write(report)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    # The outcomes say which tests failed; another status means that pytest did.
    if exitstatus == pytest.ExitCode.TESTS_FAILED:
        session.exitstatus = pytest.ExitCode.OK


def _write(report: pytest.TestReport | pytest.CollectReport) -> None:
    lines = str(report.longrepr or "").strip().splitlines()
    outcome = {"test": report.nodeid, "outcome": report.outcome, "detail": lines[-1] if lines else ""}
    with Path(os.environ["MOTO_OUTCOMES"]).open("a") as file:
        file.write(json.dumps(outcome) + "\n")
