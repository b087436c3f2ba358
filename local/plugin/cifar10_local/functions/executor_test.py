import threading
from types import SimpleNamespace
from typing import Any

import pytest

from . import executor
from .executor import ProcessExecutor
from .runtime_api import Exchange, Outcome

PAYLOAD = {"invoke-id": "request-1", "payload": "1", "invoked-function-arn": "arn", "trace-id": ""}


class ExitingSandbox:
    """A process that is still exiting when the next invocation is offered, and that works after a restart."""

    peak_mb = 0

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._looks = 0
        self._is_new = False

    @property
    def is_running(self) -> bool:
        self._looks += 1
        return self._is_new or self._looks == 1

    def start(self) -> None:
        self._is_new = True
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        if invocation := self._exchange.next():
            self._exchange.finish(invocation.request_id, Outcome(b"42"))

    def memory_mb(self) -> int:
        return 0

    def take_log(self) -> str:
        return ""


def test_an_invocation_that_an_exiting_process_did_not_receive_goes_to_the_next(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(executor, "settings", lambda: SimpleNamespace(folder=tmp_path))
    config = SimpleNamespace(timeout=5, memory_size=128)
    function: Any = SimpleNamespace(config=config, id=SimpleNamespace(qualifier="$LATEST"))
    process_executor = ProcessExecutor("environment", function)
    sandbox: Any = ExitingSandbox(process_executor._exchange)
    process_executor._sandbox = sandbox

    result = process_executor.invoke(PAYLOAD)

    assert not result.is_error
    assert result.payload == b"42"
