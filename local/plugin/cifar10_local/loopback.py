"""LocalStack keeps to this machine: it listens on 127.0.0.1 only, and talks to nobody else."""

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

LOG = logging.getLogger(__name__)
HOST = "127.0.0.1"


class LoopbackServer(TwistedRuntimeServer):
    """
    LocalStack's own server listens on every IPv4 interface, whatever host GATEWAY_LISTEN names. With a Batch that runs
    commands, that would let the whole network run commands here.
    """

    def register(self, gateway: Any, listen: list[Any], ssl_creds: tuple[str, str] | None = None) -> None:  # noqa: ARG002
        """
        Plain HTTP: nothing leaves the machine, so there is nothing to encrypt.

        :raises CannotListenError: somebody else listens there
        """
        site = TwistedGateway(gateway)
        for address in listen:
            reactor.listenTCP(address.port, site, interface=HOST)


def open_listeners() -> list[str]:
    """The addresses at which this process listens and which other machines could reach."""
    connections = psutil.Process().net_connections(kind="tcp")
    addresses = {c.laddr for c in connections if c.status == psutil.CONN_LISTEN}
    return sorted(f"{a.ip}:{a.port}" for a in addresses if not is_loopback(a.ip))


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine; no name is looked up."""
    if host in ("", "localhost") or host.endswith((".localhost", ".localhost.localstack.cloud")):
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def refuse_the_network() -> None:
    """
    From now on this process can connect to, and look up, nothing but this machine. LocalStack asks its maker's servers
    for licences and catalogues, and moto would ask AWS's for metadata: none of it is needed, and whoever has AWS
    credentials lying about must be able to rely on it that no request leaves.
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
        # Passive look-ups name the unspecified address, and connect to nobody.
        if not is_loopback(name) and name not in ("0.0.0.0", "::"):
            LOG.warning("refused a connection to %s: LocalStack keeps to this machine", name)
            raise OSError(errno.ENETUNREACH, f"LocalStack keeps to this machine: no connection to {name}")

    sys.addaudithook(hook)
