"""
`python -m cifar10_local`: LocalStack with this plugin, set up by the environment (see local/localstack.ts).

The watchdog is started before LocalStack's two seconds of imports, so that there is no moment at which the parent can
die and leave something behind.
"""

from .processes import start_watchdog


def main() -> None:
    start_watchdog()

    from .loopback import refuse_the_network

    refuse_the_network()

    from localstack.runtime.main import main as run_localstack

    run_localstack()


if __name__ == "__main__":
    main()
