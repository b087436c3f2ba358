"""
`python -m cifar10_local <folder>`: LocalStack with this plugin, set up by the environment (see local/localstack.ts).
The folder is in the environment as well; as an argument it tells processes apart, for `ps` and local/instance.ts.

The watchdog is started before LocalStack's two seconds of imports, so that there is no moment at which the parent can
die and leave something behind.
"""

import tempfile

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

    run_localstack()


if __name__ == "__main__":
    main()
