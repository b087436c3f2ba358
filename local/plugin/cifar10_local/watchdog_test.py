import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

PLUGIN = Path(__file__).parents[1]

# Replaces LocalStack: starts the watchdogs as its children, and a job that ignores SIGTERM.
LOCALSTACK = """
import signal, subprocess, sys, time
from cifar10_local import processes
processes.start_watchdogs()
program = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(60)"
job = processes.spawn([sys.executable, "-c", program], folder=None, environment={}, output=subprocess.PIPE)
job.stdout.readline()
if sys.argv[1] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(job.pid, flush=True)
time.sleep(60)
"""


def start(
    folder: Path, *, lease: int | None = None, kept: bool = False, patience: str = "ordinary"
) -> tuple[subprocess.Popen[bytes], int, list[int]]:
    """Starts it; returns it, and the ids of its job and its watchdogs."""
    environment = {
        "PYTHONPATH": str(PLUGIN),
        "CIFAR10_LOCAL_FOLDER": str(folder),
        "CIFAR10_LOCAL_CACHE": str(folder),
        "CIFAR10_LOCAL_IMAGES": str(folder),
        "CIFAR10_LOCAL_NODE": "node",
        "GATEWAY_LISTEN": "127.0.0.1:1",
        "CIFAR10_LOCAL_EPHEMERAL": "0" if kept else "1",
    }
    if lease is not None:
        environment["CIFAR10_LOCAL_LEASE"] = str(lease)
    localstack = subprocess.Popen(
        [sys.executable, "-c", LOCALSTACK, patience],
        env=environment,
        stdout=subprocess.PIPE,
        pass_fds=() if lease is None else (lease,),
        start_new_session=True,
    )
    assert localstack.stdout is not None
    return localstack, int(localstack.stdout.readline()), watchdogs(localstack)


def watchdogs(localstack: subprocess.Popen[bytes]) -> list[int]:
    children = psutil.Process(localstack.pid).children()
    return [
        each.pid for each in children if is_alive(each.pid) and any("watchdog.py" in word for word in each.cmdline())
    ]


def is_alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not, and in a container nothing may reap it."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def until(claim: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, f"still false after {seconds} s"
        time.sleep(0.02)


pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to recognize zombies")


def all_gone(*pids: int) -> None:
    until(lambda: not any(is_alive(pid) for pid in pids))


def test_sigkill_of_localstack_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "instance"
    (folder / "s3").mkdir(parents=True)
    localstack, job, dogs = start(folder)
    os.kill(localstack.pid, signal.SIGKILL)
    localstack.wait(10)
    all_gone(job, *dogs)
    assert not folder.exists()


def test_sigkill_of_a_watchdog_and_at_once_of_localstack_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "instance"
    folder.mkdir()
    localstack, job, dogs = start(folder)
    os.kill(dogs[0], signal.SIGKILL)
    os.kill(localstack.pid, signal.SIGKILL)
    localstack.wait(10)
    all_gone(job, *dogs)
    assert not folder.exists()


def test_watchdogs_that_were_killed_are_replaced_and_know_what_they_knew(tmp_path: Path) -> None:
    folder = tmp_path / "instance"
    folder.mkdir()
    localstack, job, dogs = start(folder)
    for dog in dogs:
        os.kill(dog, signal.SIGKILL)
    until(lambda: len(set(watchdogs(localstack)) - set(dogs)) == len(dogs))
    replaced = watchdogs(localstack)
    os.kill(localstack.pid, signal.SIGKILL)
    localstack.wait(10)
    all_gone(job, *replaced)
    assert not folder.exists()


def test_the_end_of_the_lease_ends_everything(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    localstack, job, dogs = start(tmp_path / "instance", lease=ours)
    os.close(ours)
    assert is_alive(localstack.pid)
    os.close(theirs)
    localstack.wait(20)
    all_gone(job, *dogs)


def test_a_localstack_that_does_not_end_is_killed(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    localstack, job, dogs = start(tmp_path / "instance", lease=ours, patience="stubborn")
    os.close(ours)
    os.close(theirs)
    assert localstack.wait(20) == -signal.SIGKILL
    all_gone(job, *dogs)


def test_the_log_is_kept_on_request(tmp_path: Path) -> None:
    (tmp_path / "s3").mkdir()
    (tmp_path / "instance.json").write_text("{}")
    (tmp_path / "log").write_text("what happened")
    localstack, _, dogs = start(tmp_path, kept=True)
    os.kill(localstack.pid, signal.SIGKILL)
    localstack.wait(10)
    all_gone(*dogs)
    assert [entry.name for entry in tmp_path.iterdir()] == ["log"]
