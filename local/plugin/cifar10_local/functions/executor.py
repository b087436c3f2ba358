"""Lambda's executor `process`: each execution environment of a function is a local Node.js process."""

import logging
import shutil
import time
from pathlib import Path

from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import LambdaRuntimeException, RuntimeExecutor

from ..settings import settings
from .runtime_api import Exchange, Invocation, Outcome, RuntimeApi
from .sandbox import Function, Sandbox, error_message, lambda_variables

LOG = logging.getLogger(__name__)
HOST = "127.0.0.1"
INIT_SECONDS = 10.0
"""AWS allows ten seconds for loading the handler, and after that the function's timeout once more."""
MEMORY_CHECK_SECONDS = 0.1


class ProcessExecutor(RuntimeExecutor):
    """One execution environment. LocalStack passes it one invocation at a time, and creates more as needed."""

    def __init__(self, id: str, function_version: FunctionVersion) -> None:  # noqa: A002
        super().__init__(id, function_version)
        self._folder: Path = settings().folder / "lambda" / id
        self._exchange = Exchange()
        self._api: RuntimeApi | None = None
        self._sandbox: Sandbox | None = None
        self._init_ms: float | None = None
        self.client_context: str | None = None
        """What the next invocation's client says about itself, as JSON in ASCII."""

    # What LocalStack calls.

    def start(self, env_vars: dict[str, str]) -> None:
        """
        :raises StatusErrorException: the handler could not be loaded
        """
        configuration = self.function_version.config
        function = Function(
            code=Path(configuration.code.get_unzipped_code_location()),
            memory_mb=configuration.memory_size,
            environment=lambda_variables(env_vars, configuration.environment, configuration.runtime),
        )
        self._folder.mkdir(parents=True)
        self._api = RuntimeApi(self._exchange)
        self._sandbox = Sandbox(settings().node, self._folder, function, self._api.address)
        started = time.perf_counter()
        error = self._start_sandbox(self._sandbox)
        self._init_ms = (time.perf_counter() - started) * 1000
        if error is not None or self._exchange.is_closed:
            raise StatusErrorException("Environment startup failed", payload=error.body if error else b"{}")

    def stop(self) -> None:
        self._exchange.close()
        if self._sandbox is not None:
            self._sandbox.kill()
        if self._api is not None:
            self._api.close()
            self._api = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        sandbox = self._sandbox
        assert sandbox is not None, "invoked before it was started"
        timeout: float = self.function_version.config.timeout
        outcome: Outcome | None = None
        while outcome is None:
            started = time.perf_counter()
            # After a crash, a kill or a timeout the environment stays, with a new process.
            outcome = None if sandbox.is_running else self._start_sandbox(sandbox)
            if outcome is None:
                started = time.perf_counter()
                self._exchange.offer(
                    Invocation(
                        request_id=payload["invoke-id"],
                        payload=payload["payload"],
                        deadline_ms=int((time.time() + timeout) * 1000),
                        function_arn=payload["invoked-function-arn"],
                        trace_id=payload["trace-id"],
                        client_context=self.client_context,
                    )
                )
                outcome = self._wait_for_outcome(sandbox, payload["invoke-id"], started + timeout)
        return self._report(sandbox, payload["invoke-id"], outcome, (time.perf_counter() - started) * 1000)

    def memory_mb(self) -> int:
        """The memory of the environment's process now."""
        return self._sandbox.memory_mb() if self._sandbox else 0

    def get_address(self) -> str:
        return HOST

    def get_endpoint_from_executor(self) -> str:
        return HOST

    def get_runtime_endpoint(self) -> str:
        return f"http://{HOST}:{settings().port}/_localstack_lambda/{self.id}"

    def get_logs(self) -> str:
        return self._sandbox.read_log() if self._sandbox else ""

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        runtime = function_version.config.runtime or "container image"
        if not runtime.startswith("nodejs"):
            raise LambdaRuntimeException(f"{runtime}: only zip functions for Node.js run without Docker")
        function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """Does nothing: LocalStack deletes the unzipped code with the function."""

    @classmethod
    def validate_environment(cls) -> bool:
        return shutil.which(settings().node) is not None

    # Implementation.

    def _start_sandbox(self, sandbox: Sandbox) -> Outcome | None:
        """
        :returns: the error if the handler could not be loaded
        """
        self._exchange.reset()
        sandbox.start()
        until = time.perf_counter() + INIT_SECONDS + self.function_version.config.timeout
        while not self._exchange.is_closed:
            ready = self._exchange.wait_until_ready(0.02)
            if isinstance(ready, Outcome):
                return ready
            if ready:
                return None
            if not sandbox.is_running:
                return Outcome.error("Runtime.ExitError", f"Runtime exited with error: {sandbox.describe_end()}")
            if time.perf_counter() > until:
                sandbox.kill()
                return Outcome.error("Sandbox.Timedout", "The handler was not loaded in time")
        return None

    def _wait_for_outcome(self, sandbox: Sandbox, request_id: str, deadline: float) -> Outcome | None:
        """
        :returns: None if the process ended before it received the invocation: it was exiting after the one before
        """
        while True:
            left = deadline - time.perf_counter()
            if outcome := self._exchange.wait_for_outcome(max(0.0, min(left, MEMORY_CHECK_SECONDS))):
                return outcome
            prefix = f"RequestId: {request_id} Error:"
            if not sandbox.is_running and not self._exchange.is_closed and self._exchange.withdraw():
                return None
            if not sandbox.is_running or self._exchange.is_closed:
                text = f"{prefix} Runtime exited with error: {sandbox.describe_end()}"
                return Outcome.error("Runtime.ExitError", text)
            if left <= 0:
                sandbox.kill()
                seconds = self.function_version.config.timeout
                return Outcome.error("Sandbox.Timedout", f"{prefix} Task timed out after {seconds:.2f} seconds")
            if sandbox.memory_mb() > self.function_version.config.memory_size:
                sandbox.kill()
                return Outcome.error("Runtime.OutOfMemory", f"{prefix} Runtime exited with error: signal: killed")

    def _report(self, sandbox: Sandbox, request_id: str, outcome: Outcome, milliseconds: float) -> InvocationResult:
        """The result, and the function's log between the lines that Lambda adds."""
        configuration = self.function_version.config
        sandbox.memory_mb()
        text = sandbox.take_log()
        if outcome.is_error and not sandbox.is_running:
            text += f"{error_message(outcome.body)}\n"
        if text and not text.endswith("\n"):
            text += "\n"
        report = [
            f"REPORT RequestId: {request_id}",
            f"Duration: {milliseconds:.2f} ms",
            f"Billed Duration: {int(milliseconds) + 1} ms",
            f"Memory Size: {configuration.memory_size} MB",
            f"Max Memory Used: {sandbox.peak_mb} MB",
        ]
        if self._init_ms is not None:
            report.append(f"Init Duration: {self._init_ms:.2f} ms")
            self._init_ms = None
        version = self.function_version.id.qualifier
        return InvocationResult(
            request_id=request_id,
            payload=outcome.body,
            is_error=outcome.is_error,
            logs=f"START RequestId: {request_id} Version: {version}\n{text}END RequestId: {request_id}\n"
            + "\t".join(report)
            + "\n",
        )
