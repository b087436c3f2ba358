"""
`python -m cifar10_local <folder>`: LocalStack with this plugin, set up by the environment (see local/localstack.ts).
The folder is in the environment as well; as an argument it tells processes apart, for `ps` and local/instance.ts.

The watchdog is started before LocalStack's two seconds of imports, so that there is no moment at which the parent can
die and leave something behind.
"""

import os
import sys
import tempfile
import traceback

from .instance import write_instance_file
from .processes import start_watchdog
from .settings import settings


def main() -> None:
    write_instance_file()
    start_watchdog()
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
    # Python would free every object one by one before it exits, which takes seconds.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    main()
