import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .runtime_api import Exchange, Invocation, Outcome, RuntimeApi
from .sandbox import Function, Sandbox, lambda_variables

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="needs Node.js")


class Environment:
    """The bootstrap with a handler, run as the executor does."""

    def __init__(self, folder: Path, code: str, handler: str = "index.handler") -> None:
        (folder / "code").mkdir()
        (folder / "code" / "index.mjs").write_text(code)
        self.exchange = Exchange()
        self.api = RuntimeApi(self.exchange)
        function = Function(folder / "code", 256, {"_HANDLER": handler, "GREETING": "hello"})
        self.sandbox = Sandbox(str(NODE), folder / "sandbox", function, self.api.address)
        self.sandbox.start()
        self.ready = self.exchange.wait_until_ready(20)

    def invoke(self, payload: str) -> Outcome | None:
        deadline = int((time.time() + 5) * 1000)
        self.exchange.offer(Invocation("request-1", payload, deadline, "arn:aws:lambda:::function:f", ""))
        return self.exchange.wait_for_outcome(20)

    def close(self) -> None:
        self.exchange.close()
        self.sandbox.kill()
        self.api.close()


@pytest.fixture
def environments() -> Iterator[list[Environment]]:
    opened: list[Environment] = []
    yield opened
    for environment in opened:
        environment.close()


def test_a_handler_gets_the_event_and_the_context_and_its_console_is_logged(
    tmp_path: Path, environments: list[Environment]
) -> None:
    code = """export const handler = async (event, context) => {
        console.warn('was called', event.name);
        return [event.name, context.awsRequestId, process.env.GREETING, context.getRemainingTimeInMillis() > 0];
    };"""
    environment = Environment(tmp_path, code)
    environments.append(environment)
    assert environment.ready is True
    assert environment.invoke('{"name": "Ada"}') == Outcome(b'["Ada","request-1","hello",true]')
    assert environment.sandbox.take_log().endswith("\trequest-1\tWARN\twas called Ada\n")
    assert environment.sandbox.take_log() == ""


def test_a_handler_may_answer_by_callback(tmp_path: Path, environments: list[Environment]) -> None:
    environment = Environment(tmp_path, "export const handler = (event, context, done) => { done(null, event + 1) };")
    environments.append(environment)
    assert environment.invoke("41") == Outcome(b"42")


@pytest.mark.parametrize(
    ("code", "handler", "error"),
    [
        ("throw new RangeError('broken')", "index.handler", b'"errorType":"RangeError"'),
        ("export const other = 1", "index.handler", b'"errorType":"Runtime.HandlerNotFound"'),
        ("", "missing.handler", b'"errorType":"Runtime.ImportModuleError"'),
    ],
)
def test_a_handler_that_cannot_be_loaded_is_an_error(
    tmp_path: Path, environments: list[Environment], code: str, handler: str, error: bytes
) -> None:
    environment = Environment(tmp_path, code, handler)
    environments.append(environment)
    assert isinstance(environment.ready, Outcome)
    assert error in environment.ready.body


def test_memory_and_its_peak_are_measured(tmp_path: Path, environments: list[Environment]) -> None:
    code = "export const handler = async () => { globalThis.all = Buffer.alloc(100e6, 1); return 1; };"
    environment = Environment(tmp_path, code)
    environments.append(environment)
    before = environment.sandbox.memory_mb()
    environment.invoke("{}")
    assert environment.sandbox.memory_mb() > before + 80
    environment.sandbox.kill()
    assert environment.sandbox.memory_mb() == 0
    assert environment.sandbox.peak_mb > before + 80


def test_the_end_is_described_as_lambda_does(tmp_path: Path, environments: list[Environment]) -> None:
    environment = Environment(tmp_path, "export const handler = async () => process.exit(3);")
    environments.append(environment)
    environment.exchange.offer(Invocation("request-1", "{}", 0, "", ""))
    while environment.sandbox.is_running:
        time.sleep(0.02)
    assert environment.sandbox.describe_end() == "exit status 3"


def test_the_environment_is_lambdas_and_is_not_inherited(
    tmp_path: Path, environments: list[Environment], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CIFAR10_SECRET_OF_THE_TEST", "AWS_PROFILE", "LD_LIBRARY_PATH"):
        monkeypatch.setenv(name, "ours")
    environment = Environment(tmp_path, "export const handler = async () => Object.keys(process.env).sort();")
    environments.append(environment)
    outcome = environment.invoke("{}")
    set_by_the_configuration = {"_HANDLER", "GREETING"}
    set_by_lambda = {"AWS_LAMBDA_RUNTIME_API", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT", "LANG", "PATH"}
    # They keep functions apart, and the user's own settings of AWS away.
    exceptions = {
        "AWS_CONFIG_FILE",
        "AWS_EC2_METADATA_DISABLED",
        "AWS_SHARED_CREDENTIALS_FILE",
        "HOME",
        "TMPDIR",
    }
    assert outcome is not None
    assert set(json.loads(outcome.body)) - {"_X_AMZN_TRACE_ID"} == (
        set_by_the_configuration | set_by_lambda | exceptions
    )


def test_a_function_gets_what_lambda_defines_and_what_it_is_configured_with() -> None:
    given = {
        "AWS_REGION": "eu-west-1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": 1769,
        "AWS_EXECUTION_ENV": "AWS_Lambda_rapid",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": 28,
        "LOCALSTACK_HOSTNAME": "127.0.0.1",
        "_AWS_XRAY_DAEMON_PORT": "2000",
        "STORE": "s3://bucket",
    }
    assert lambda_variables(given, {"STORE": "s3://bucket"}, "nodejs24.x") == {
        "AWS_REGION": "eu-west-1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
        "AWS_EXECUTION_ENV": "AWS_Lambda_nodejs24.x",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
        "STORE": "s3://bucket",
    }
