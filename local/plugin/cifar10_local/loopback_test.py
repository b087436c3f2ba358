import subprocess
import sys

import pytest

from .loopback import is_loopback


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", "s3.localhost", "bucket.s3.localhost.localstack.cloud", ""]
)
def test_this_machine_is_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "10.0.0.1", "s3.amazonaws.com", "localhost.example", "fe80::1%eth0", "2130706433"]
)
def test_another_machine_is_not(host: str) -> None:
    assert not is_loopback(host)


def run(program: str) -> str:
    """Runs the program in a new process, since an audit hook cannot be removed."""
    preamble = "import socket, threading\nfrom cifar10_local.loopback import refuse_the_network\nrefuse_the_network()\n"
    return subprocess.run([sys.executable, "-c", preamble + program], check=True, capture_output=True, text=True).stdout


def test_connections_within_this_machine_work() -> None:
    program = """
server = socket.create_server(("127.0.0.1", 0))
with socket.create_connection(("localhost", server.getsockname()[1])):
    print("connected")
"""
    assert run(program) == "connected\n"


@pytest.mark.parametrize("address", ['("169.254.169.254", 80)', '("sts.amazonaws.com", 443)'])
def test_connections_to_other_machines_are_refused(address: str) -> None:
    program = f"""
try:
    socket.create_connection({address}, timeout=5)
except OSError as error:
    print(error.strerror)
"""
    assert run(program).startswith("LocalStack may connect to this machine only")
