"""The settings that local/localstack.ts passes to the plugin, read once."""

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """Read from the environment variables `CIFAR10_LOCAL_*`, and from LocalStack's own GATEWAY_LISTEN."""

    folder: Path
    """The instance's folder, below which it writes all its files."""
    cache: Path
    """A folder that instances share; it need not exist."""
    port: int
    """LocalStack listens on this port of 127.0.0.1."""
    images: Path
    """JSON file that maps container images to local commands; see `batch/command.py`."""
    node: str
    """The Node.js that runs Lambda functions."""
    lease: int | None
    """File descriptor whose end means that the parent has ended, and that LocalStack must end as well."""
    store: Path | None
    """The folder in which the model bucket is kept beyond the instance's end; None keeps it nowhere."""
    ephemeral: bool
    """Whether to delete the folder when the instance has ended."""
    batch_slots: int
    """How many jobs run at the same time on this machine, whatever the compute environments allow."""
    batch_minimum_timeout: int
    """The shortest timeout of an attempt in seconds; 60 on AWS."""
    batch_stop_grace: float
    """Seconds between SIGTERM and SIGKILL: `ECS_CONTAINER_STOP_TIMEOUT` on AWS, 30 by default."""

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """
        :raises KeyError: a setting without a default is missing
        """
        lease = environment.get("CIFAR10_LOCAL_LEASE")
        store = environment.get("CIFAR10_LOCAL_STORE")
        return cls(
            folder=Path(environment["CIFAR10_LOCAL_FOLDER"]),
            cache=Path(environment["CIFAR10_LOCAL_CACHE"]),
            port=int(environment["GATEWAY_LISTEN"].rpartition(":")[2]),
            images=Path(environment["CIFAR10_LOCAL_IMAGES"]),
            node=environment["CIFAR10_LOCAL_NODE"],
            lease=int(lease) if lease else None,
            store=Path(store) if store else None,
            ephemeral=environment.get("CIFAR10_LOCAL_EPHEMERAL") == "1",
            batch_slots=int(environment.get("CIFAR10_LOCAL_BATCH_SLOTS", "2")),
            batch_minimum_timeout=int(environment.get("CIFAR10_LOCAL_BATCH_MINIMUM_TIMEOUT", "60")),
            batch_stop_grace=float(environment.get("CIFAR10_LOCAL_BATCH_STOP_GRACE", "30")),
        )


@functools.cache
def settings() -> Settings:
    """The settings of this process."""
    return Settings.read(os.environ)
