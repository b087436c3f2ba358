import threading
import time
from collections.abc import Iterator
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest
from localstack.aws.api.lambda_ import TooManyRequestsException
from localstack.services.lambda_.invocation.execution_environment import InvalidStatusException, RuntimeStatus
from localstack.services.lambda_.invocation.lambda_models import InitializationType

from . import environments
from .environments import MIB, Environments, idle_seconds, release


class Environment:
    """An environment without a process."""

    def __init__(self, pool: Environments, version_manager_id: str, megabytes: int) -> None:
        self.id = str(id(self))
        self.status = RuntimeStatus.READY
        self.status_lock = threading.RLock()
        self.initialization_type = InitializationType.on_demand
        self.last_returned = datetime.now()
        self.runtime_executor = SimpleNamespace(memory_mb=lambda: megabytes)
        self.version_manager_id = version_manager_id
        self._pool = pool

    def reserve(self) -> None:
        if self.status != RuntimeStatus.READY:
            raise InvalidStatusException("not ready")
        self.status = RuntimeStatus.INVOKING

    def release(self) -> None:
        release(self)

    def stop(self) -> None:
        self.status = RuntimeStatus.STOPPED

    def keepalive_passed(self) -> None:
        self.stop()
        self._pool.on_timeout(self.version_manager_id, self.id)


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[Environments]:
    """Room for ten environments of 64 MB."""
    monkeypatch.setattr(environments, "LARGEST_BUDGET", 640 * MIB)
    monkeypatch.setattr(environments, "machine_memory", lambda: 64_000 * MIB)
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=64_000 * MIB))
    pool = Environments()
    started: list[Environment] = []

    def start_environment(version_manager_id: str, _version: Any) -> Any:
        time.sleep(0.01)
        started.append(Environment(pool, version_manager_id, 64))
        return started[-1]

    monkeypatch.setattr(pool, "start_environment", start_environment)
    yield pool


def call(pool: Environments, function: str = "f", seconds: float = 0.0) -> Any:
    version: Any = None
    with pool.get_environment(function, version, InitializationType.on_demand) as environment:
        time.sleep(seconds)
        return environment


def test_an_environment_is_used_again(pool: Environments) -> None:
    assert call(pool) is call(pool)


def test_a_burst_stays_within_the_budget_and_every_call_is_answered(pool: Environments) -> None:
    answers: list[Any] = []
    calls = [threading.Thread(target=lambda: answers.append(call(pool, seconds=0.02))) for _ in range(100)]
    for each in calls:
        each.start()
    for each in calls:
        each.join(30)
    assert len(answers) == 100
    assert 2 <= len(pool.environments["f"]) <= 10


def test_an_idle_environment_makes_room_for_another_function(pool: Environments) -> None:
    calls = [threading.Thread(target=call, args=(pool, "f", 0.2)) for _ in range(10)]
    for each in calls:
        each.start()
    for each in calls:
        each.join(30)
    before = len(pool.environments["f"])
    assert call(pool, "g") in pool.environments["g"].values()
    assert len(pool.environments["f"]) < before


def test_a_call_that_waits_for_too_long_is_refused(pool: Environments, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "WAIT_SECONDS", 0.2)
    calls = [threading.Thread(target=call, args=(pool, "f", 2.0)) for _ in range(10)]
    for each in calls:
        each.start()
    while len(pool.environments["f"]) < 9:
        time.sleep(0.01)
    with pytest.raises(TooManyRequestsException):
        for _ in range(3):
            call(pool, "g")
    for each in calls:
        each.join(30)


def test_an_environment_that_cannot_be_started_takes_no_room(
    pool: Environments, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("cannot be loaded")

    monkeypatch.setattr(pool, "start_environment", fail)
    for _ in range(30):
        with pytest.raises(RuntimeError):
            call(pool)
    assert pool._used() == 0


def test_the_more_memory_is_in_use_the_sooner_an_idle_environment_ends() -> None:
    assert idle_seconds(0) == 600
    assert idle_seconds(1 / 16) == 300
    assert idle_seconds(0.5) < 3
    assert idle_seconds(1) < 0.1
