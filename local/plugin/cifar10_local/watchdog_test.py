import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

WATCHDOG = Path(__file__).with_name("watchdog.py")

# Replaces LocalStack: starts the watchdog as its child, and a job that ignores SIGTERM.
LOCALSTACK = """
import subprocess, sys, time
watchdog, folder, leash, kept, patience = sys.argv[1:]
job = subprocess.Popen(
    [sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(60)"],
    stdout=subprocess.PIPE, start_new_session=True,
)
job.stdout.readline()
import os
dog = subprocess.Popen(
    [sys.executable, "-S", "-E", watchdog, str(os.getpid()), leash, folder, kept],
    stdin=subprocess.PIPE, pass_fds=() if leash == "-" else (int(leash),), start_new_session=True,
)
dog.stdin.write(f"+{job.pid}\\n".encode()); dog.stdin.flush()
if patience == "stubborn":
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(job.pid, dog.pid, flush=True)
time.sleep(60)
"""


def start(
    folder: Path, *, leash: int | None = None, kept: str = "-", patience: str = "ordinary"
) -> tuple[subprocess.Popen[bytes], int, int]:
    arguments = [str(WATCHDOG), str(folder), "-" if leash is None else str(leash), kept, patience]
    localstack = subprocess.Popen(
        [sys.executable, "-c", LOCALSTACK, *arguments],
        stdout=subprocess.PIPE,
        pass_fds=() if leash is None else (leash,),
        start_new_session=True,
    )
    assert localstack.stdout is not None
    job, dog = map(int, localstack.stdout.readline().split())
    return localstack, job, dog


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


def test_sigkill_of_localstack_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "instance"
    (folder / "s3").mkdir(parents=True)
    localstack, job, dog = start(folder)
    os.kill(localstack.pid, signal.SIGKILL)
    localstack.wait(10)
    until(lambda: not is_alive(job) and not is_alive(dog))
    assert not folder.exists()


def test_the_end_of_the_leash_ends_everything(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    localstack, job, dog = start(tmp_path / "instance", leash=ours)
    os.close(ours)
    assert is_alive(localstack.pid)
    os.close(theirs)
    localstack.wait(20)
    until(lambda: not is_alive(job) and not is_alive(dog))


def test_a_localstack_that_does_not_end_is_killed(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    localstack, job, dog = start(tmp_path / "instance", leash=ours, patience="stubborn")
    os.close(ours)
    os.close(theirs)
    assert localstack.wait(20) == -signal.SIGKILL
    until(lambda: not is_alive(job) and not is_alive(dog))


def test_the_log_is_kept_on_request(tmp_path: Path) -> None:
    (tmp_path / "s3").mkdir()
    (tmp_path / "instance.json").write_text("{}")
    (tmp_path / "log").write_text("what happened")
    localstack, _, dog = start(tmp_path, kept="log")
    os.kill(localstack.pid, signal.SIGKILL)
    localstack.wait(10)
    until(lambda: not is_alive(dog))
    assert [entry.name for entry in tmp_path.iterdir()] == ["log"]
