"""Keeps LocalStack on this machine: it listens on 127.0.0.1 only, and connects to no other host."""

import errno
import ipaddress
import logging
import socket
import sys
from typing import Any

import psutil
from localstack.runtime.server.twisted import TwistedRuntimeServer
from rolo.serving.twisted import TwistedGateway
from twisted.internet import reactor

from .disk_space import SpooledRequest

LOG = logging.getLogger(__name__)
HOST = "127.0.0.1"


class LoopbackServer(TwistedRuntimeServer):
    """
    LocalStack's own server listens on every IPv4 interface, whatever host GATEWAY_LISTEN names. Since Batch jobs run
    commands, the whole network could then run commands here.
    """

    def register(self, gateway: Any, listen: list[Any], ssl_creds: tuple[str, str] | None = None) -> None:  # noqa: ARG002
        """
        Listens with plain HTTP: no traffic leaves the machine.

        :raises CannotListenError: another process listens on the port
        """
        site = TwistedGateway(gateway)
        site.requestFactory = SpooledRequest
        for address in listen:
            reactor.listenTCP(address.port, site, interface=HOST)


def open_listeners() -> list[str]:
    """The addresses on which this process listens and which other machines could reach."""
    connections = psutil.Process().net_connections(kind="tcp")
    addresses = {c.laddr for c in connections if c.status == psutil.CONN_LISTEN}
    return sorted(f"{a.ip}:{a.port}" for a in addresses if not is_loopback(a.ip))


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine, decided without a DNS lookup."""
    if host in ("", "localhost") or host.endswith((".localhost", ".localhost.localstack.cloud")):
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def refuse_the_network() -> None:
    """
    From now on this process can only connect to this machine and look up its names. LocalStack would fetch licenses and
    catalogs from its vendor, and moto metadata from AWS. None of it is needed, and users with AWS credentials on this
    machine must be able to rely on it that no request leaves.
    """

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect":
            connecting, address = arguments
            host = address[0] if isinstance(address, tuple) and connecting.family != socket.AF_UNIX else ""
        elif event == "socket.getaddrinfo":
            host = arguments[0]
        else:
            return
        name = host.decode(errors="replace") if isinstance(host, bytes) else str(host or "")
        # Lookups for listening use the unspecified address, and connect to no host.
        if not is_loopback(name) and name not in ("0.0.0.0", "::"):
            LOG.warning("refused a connection to %s: LocalStack may connect to this machine only", name)
            raise OSError(errno.ENETUNREACH, f"LocalStack may connect to this machine only, not to {name}")

    sys.addaudithook(hook)
