import signal

import pytest

from .processes import describe_exit


@pytest.mark.parametrize(
    ("code", "description"),
    [
        (0, "exit status 0"),
        (3, "exit status 3"),
        (-signal.SIGABRT, "signal: aborted"),
        (-signal.SIGSEGV, "signal: segmentation fault"),
        (-signal.SIGKILL, "signal: killed"),
        (-signal.SIGTERM, "signal: terminated"),
        (-64, "signal: 64"),
    ],
)
def test_the_end_of_a_process_is_described_as_lambda_does(code: int, description: str) -> None:
    assert describe_exit(code) == description
