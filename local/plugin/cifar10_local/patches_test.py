from typing import Any

from . import plugins
from .patches import FUNCTION_EVENTS


def stream(name: str) -> Any:
    """A log stream of LocalStack's, with everything that is loaded with it."""
    import localstack.services.logs.provider as logs
    from moto.logs.models import LogGroup

    assert plugins.bound_logs is not None
    return logs.MotoLogStream(LogGroup("000000000000", "us-east-1", "group"), name)


def put(log_stream: Any, lines: range) -> None:
    log_stream.put_log_events([{"timestamp": each, "message": f"line {each}"} for each in lines])


def messages(log_stream: Any) -> list[str]:
    return [event.message for event in log_stream.events]


def test_the_log_of_a_functions_process_keeps_its_last_lines() -> None:
    log_stream = stream("2026/11/23/[$LATEST]0123456789abcdef0123456789abcdef")
    for first in range(0, 3 * FUNCTION_EVENTS, 4):
        put(log_stream, range(first, first + 4))
    assert messages(log_stream) == [f"line {each}" for each in range(2 * FUNCTION_EVENTS, 3 * FUNCTION_EVENTS)]


def test_every_other_log_keeps_all_lines() -> None:
    log_stream = stream("quick/default/0123456789abcdef0123456789abcdef")
    put(log_stream, range(3 * FUNCTION_EVENTS))
    assert len(messages(log_stream)) == 3 * FUNCTION_EVENTS
