"""How a contestant speaks with the benchmark: see contestant.ts."""

import json
import sys
import time
from collections.abc import Callable


def serve(name: str, version: str, measure: Callable[[int], None], losses: list[float] | None = None) -> None:
    """Says that it is ready, then does what is measured as often as each line that it reads asks for.

    `losses` are those of three training steps on the first batch: by them the benchmark knows that all train the same net.
    """
    print(json.dumps({"name": name, "version": version, "losses": losses}), flush=True)
    for line in sys.stdin:
        times = int(line)
        began = time.perf_counter()
        measure(times)
        print(json.dumps({"seconds": time.perf_counter() - began, "products": times}), flush=True)
