"""
The execution environments of all functions. LocalStack starts one whenever none is free and keeps each for ten minutes:
a burst of calls would fill this machine's memory. Here they have a budget. When it is used up, a call waits for an
environment; and the more of it is in use, the sooner an idle environment ends.
"""

import contextlib
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
from localstack.aws.api.lambda_ import ThrottleReason, TooManyRequestsException
from localstack.services.lambda_.invocation.assignment import AssignmentService
from localstack.services.lambda_.invocation.execution_environment import (
    ExecutionEnvironment,
    InvalidStatusException,
    RuntimeStatus,
)
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InitializationType

MIB = 1024**2
LARGEST_BUDGET = 2048 * MIB
FIRST_ESTIMATE = 64 * MIB
"""Memory of an environment of a function that has none yet: Node.js with a small program."""
LONGEST_IDLE_SECONDS = 600.0
"""How long LocalStack keeps an idle environment."""
WAIT_SECONDS = 60.0
CHECK_SECONDS = 1.0


def machine_memory() -> int:
    """Bytes that this machine has, or that its container may use."""
    total: int = psutil.virtual_memory().total
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            total = min(total, int(Path(file).read_text()))
    return total


def idle_seconds(share: float) -> float:
    """
    How long an environment may be idle: at most ten minutes, and half as long for each sixteenth of the budget in use.

    :param share: the part of the budget that is in use
    """
    return float(LONGEST_IDLE_SECONDS * 2 ** (-16 * share))


class Environments(AssignmentService):
    """Finds or starts an environment for each call."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = threading.Condition()
        self._starting = 0  # estimated bytes of the environments that are being started
        self._budget = min(machine_memory() // 8, LARGEST_BUDGET)
        threading.Thread(target=self._end_idle, name="lambda-idle-environments", daemon=True).start()

    @contextlib.contextmanager
    def get_environment(
        self, version_manager_id: str, function_version: FunctionVersion, provisioning_type: InitializationType
    ) -> Iterator[ExecutionEnvironment]:
        """
        :raises TooManyRequestsException: the budget was in use, for as long as a call waits
        """
        if provisioning_type != InitializationType.on_demand:
            with super().get_environment(version_manager_id, function_version, provisioning_type) as environment:
                yield environment
            return
        found = self._reserve(version_manager_id)
        environment = self._start(version_manager_id, function_version, found) if isinstance(found, int) else found
        try:
            yield environment
            environment.release()
        except Exception:
            self.stop_environment(environment)
            raise
        finally:
            self._notify()

    def stop_environment(self, environment: ExecutionEnvironment) -> None:
        super().stop_environment(environment)
        self._notify()

    # Implementation.

    def _reserve(self, version_manager_id: str) -> ExecutionEnvironment | int:
        """
        Waits for a free environment, or for room to start one.

        :returns: a reserved environment, or the estimated bytes of one to start, which `_starting` includes from now on
        """
        until = time.monotonic() + WAIT_SECONDS
        with self._changed:
            while True:
                own = list(self.environments[version_manager_id].values())
                if free := next((each for each in own if each.status == RuntimeStatus.READY), None):
                    # Unless it is just ending, having been idle for too long.
                    with contextlib.suppress(InvalidStatusException):
                        free.reserve()
                        return free
                    continue
                estimate = max((_memory(each) for each in own), default=0) or FIRST_ESTIMATE
                if self._has_room(estimate):
                    self._starting += estimate
                    return estimate
                # Room is made by another function's idle environment, if there is one.
                if idle := self._idle():
                    _end(idle[0])
                elif not self._changed.wait(until - time.monotonic()):
                    raise TooManyRequestsException(
                        "Rate Exceeded.", Reason=ThrottleReason.ConcurrentInvocationLimitExceeded, Type="User"
                    )

    def _start(self, version_manager_id: str, function_version: FunctionVersion, estimate: int) -> ExecutionEnvironment:
        environment = None
        try:
            environment = self.start_environment(version_manager_id, function_version)
        finally:
            with self._changed:
                self._starting -= estimate
                if environment is None:
                    self._changed.notify()
                else:
                    environment.reserve()
                    self.environments[version_manager_id][environment.id] = environment
        return environment

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify()

    def _has_room(self, estimate: int) -> bool:
        used = self._used()
        return used == 0 or (used + estimate <= self._budget and estimate <= psutil.virtual_memory().available // 2)

    def _used(self) -> int:
        return self._starting + sum(_memory(each) for each in self._all())

    def _all(self) -> list[ExecutionEnvironment]:
        return [each for own in list(self.environments.values()) for each in list(own.values())]

    def _idle(self) -> list[ExecutionEnvironment]:
        """Those that have been idle for longest first."""
        idle = [
            each
            for each in self._all()
            if each.status == RuntimeStatus.READY and each.initialization_type == InitializationType.on_demand
        ]
        return sorted(idle, key=lambda each: each.last_returned)

    def _end_idle(self) -> None:
        while True:
            time.sleep(CHECK_SECONDS)
            for environment in self._idle():
                idle_for = (datetime.now() - environment.last_returned).total_seconds()
                if idle_for < idle_seconds(self._used() / self._budget):
                    break
                _end(environment)
                self._notify()


def _end(environment: ExecutionEnvironment) -> None:
    # Its function may have been deleted, and the environment with it.
    with contextlib.suppress(KeyError, InvalidStatusException):
        environment.keepalive_passed()


def _memory(environment: ExecutionEnvironment) -> int:
    return int(environment.runtime_executor.memory_mb() * MIB)


def release(environment: Any) -> None:
    """Replaces `ExecutionEnvironment.release`, which starts a thread with a timer after each call."""
    with environment.status_lock:
        environment.last_returned = datetime.now()
        if environment.status == RuntimeStatus.INVOKING:
            environment.status = RuntimeStatus.READY
