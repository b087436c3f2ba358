"""The protocol between a contestant and the benchmark: see contestant.ts."""

import json
import sys
import time
from collections.abc import Callable


def serve(name: str, version: str, measure: Callable[[int], None], losses: list[float] | None = None) -> None:
    """Reports that the contestant is ready; then, for each number read from stdin, measures that many repetitions.

    `losses` are those of three training steps on the first batch: the benchmark compares them to check that all contestants
    train the same net.
    """
    print(json.dumps({"name": name, "version": version, "losses": losses}), flush=True)
    for line in sys.stdin:
        times = int(line)
        began = time.perf_counter()
        measure(times)
        print(json.dumps({"seconds": time.perf_counter() - began, "products": times}), flush=True)
