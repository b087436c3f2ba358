"""
`python -m cifar10_local <folder>`: runs LocalStack with this plugin, configured by environment variables (see
local/localstack.ts). The folder is also in the environment; as an argument it identifies the process for `ps` and
local/instance.ts.

The watchdogs start before LocalStack, whose imports take two seconds: whenever the parent dies, nothing is left behind.
"""

import os
import sys
import tempfile
import traceback

from .instance import write_instance_file
from .processes import start_watchdogs
from .settings import settings


def main() -> None:
    write_instance_file()
    start_watchdogs()
    temporary = settings().folder / "tmp"
    temporary.mkdir()
    tempfile.tempdir = str(temporary)

    from .loopback import refuse_the_network

    refuse_the_network()

    from localstack.runtime.main import main as run_localstack

    code: object = 0
    try:
        run_localstack()
    except SystemExit as end:
        code = end.code
    except Exception:
        traceback.print_exc()
        code = 1
    # A normal exit frees every object one by one, which takes seconds.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    main()
