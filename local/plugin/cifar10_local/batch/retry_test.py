from typing import Any

import pytest

from .retry import RetryStrategy, RetryStrategyError, matches

SPOT = "Host EC2 (instance i-0123) terminated."
ESSENTIAL = "Essential container in task exited"
RESUMABLE: dict[str, Any] = {
    "attempts": 3,
    "evaluateOnExit": [
        {"onStatusReason": "Host EC2*", "action": "RETRY"},
        {"onReason": "OutOfMemory*", "action": "EXIT"},
        {"onExitCode": "75", "action": "retry"},
        {"onExitCode": "137", "action": "RETRY"},
        {"onReason": "*", "action": "EXIT"},
    ],
}


@pytest.mark.parametrize(
    ("exit_code", "reason", "status_reason", "retries"),
    [
        (75, None, ESSENTIAL, True),
        (137, None, ESSENTIAL, True),
        (137, "OutOfMemoryError: Container killed due to memory usage", ESSENTIAL, False),
        (137, None, SPOT, True),
        (None, None, SPOT, True),
        (1, None, ESSENTIAL, False),
        (7, None, ESSENTIAL, False),
        (None, "CannotPullContainerError: no such image", "Task failed to start", False),
    ],
)
def test_the_first_rule_that_applies_decides(
    exit_code: int | None, reason: str | None, status_reason: str, retries: bool
) -> None:
    assert RetryStrategy.read(RESUMABLE).retries(1, exit_code, reason, status_reason) is retries


def test_the_number_of_attempts_is_limited() -> None:
    strategy = RetryStrategy.read(RESUMABLE)
    assert [strategy.retries(attempts, 75, None, ESSENTIAL) for attempts in (1, 2, 3)] == [True, True, False]


def test_a_job_is_retried_if_no_rule_applies() -> None:
    strategy = RetryStrategy.read({"attempts": 2, "evaluateOnExit": [{"onExitCode": "1", "action": "EXIT"}]})
    assert strategy.retries(1, 2, None, ESSENTIAL)
    assert not strategy.retries(1, 1, None, ESSENTIAL)


def test_every_pattern_of_a_rule_must_match() -> None:
    rule = {"onExitCode": "1*", "onStatusReason": "Host*", "action": "EXIT"}
    strategy = RetryStrategy.read({"attempts": 2, "evaluateOnExit": [rule]})
    assert strategy.retries(1, 137, None, ESSENTIAL)
    assert not strategy.retries(1, 137, None, SPOT)


def test_patterns_are_texts_or_prefixes() -> None:
    assert matches("1", "1")
    assert not matches("1", "137")
    assert matches("1*", "137")
    assert matches("*", "")
    assert not matches("Host", "Host EC2")


def test_a_job_without_a_strategy_has_one_attempt() -> None:
    assert not RetryStrategy.read(None).retries(1, 1, None, ESSENTIAL)


def test_a_strategy_is_returned_as_it_was_given() -> None:
    described = RetryStrategy.read(RESUMABLE).describe()
    assert described["attempts"] == 3
    assert described["evaluateOnExit"][2] == {"onExitCode": "75", "action": "retry"}
    assert RetryStrategy.read(described) == RetryStrategy.read(RESUMABLE)


@pytest.mark.parametrize(
    "strategy",
    [
        {"attempts": 0},
        {"attempts": 11},
        {"evaluateOnExit": [{"onExitCode": "1", "action": "EXIT"}]},
        {"attempts": 2, "evaluateOnExit": [{"onExitCode": "1", "action": "EXIT"}] * 6},
        {"attempts": 2, "evaluateOnExit": [{"onExitCode": "1", "action": "STOP"}]},
        {"attempts": 2, "evaluateOnExit": [{"onExitCode": "-1", "action": "EXIT"}]},
        {"attempts": 2, "evaluateOnExit": [{"onReason": "*OOM", "action": "EXIT"}]},
        {"attempts": 2, "evaluateOnExit": [{"action": "EXIT"}]},
    ],
)
def test_strategies_that_aws_refuses_are_refused(strategy: dict[str, Any]) -> None:
    with pytest.raises(RetryStrategyError):
        RetryStrategy.read(strategy)
