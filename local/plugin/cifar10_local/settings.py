"""Everything that the process which starts LocalStack (local/localstack.ts) tells the plugin, read once."""

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """Read from the environment variables `CIFAR10_LOCAL_*`, and from LocalStack's own GATEWAY_LISTEN."""

    folder: Path
    """The instance's own folder: everything that it writes lies below."""
    cache: Path
    """What instances leave to those that come after them; it need not exist."""
    port: int
    """Where LocalStack listens."""
    images: Path
    """JSON file that says what a container image runs here; see `batch/images.py`."""
    node: str
    """The Node.js that runs Lambda functions."""
    leash: int | None
    """File descriptor whose end means that the parent is gone, and that LocalStack must go as well."""
    ephemeral: bool
    """Delete the folder when the instance has ended."""
    batch_slots: int
    """Jobs that run at the same time on this machine, whatever the compute environments allow."""
    batch_minimum_timeout: int
    """Seconds; AWS allows no attempt timeout below 60."""
    batch_stop_grace: float
    """Seconds between SIGTERM and SIGKILL; on AWS `ECS_CONTAINER_STOP_TIMEOUT`, 30 by default."""

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """Raises KeyError where a setting without a default is missing."""
        leash = environment.get("CIFAR10_LOCAL_LEASH")
        return cls(
            folder=Path(environment["CIFAR10_LOCAL_FOLDER"]),
            cache=Path(environment["CIFAR10_LOCAL_CACHE"]),
            port=int(environment["GATEWAY_LISTEN"].rpartition(":")[2]),
            images=Path(environment["CIFAR10_LOCAL_IMAGES"]),
            node=environment["CIFAR10_LOCAL_NODE"],
            leash=int(leash) if leash else None,
            ephemeral=environment.get("CIFAR10_LOCAL_EPHEMERAL") == "1",
            batch_slots=int(environment.get("CIFAR10_LOCAL_BATCH_SLOTS", "2")),
            batch_minimum_timeout=int(environment.get("CIFAR10_LOCAL_BATCH_MINIMUM_TIMEOUT", "60")),
            batch_stop_grace=float(environment.get("CIFAR10_LOCAL_BATCH_STOP_GRACE", "30")),
        )


@functools.cache
def settings() -> Settings:
    """The settings of this process."""
    return Settings.read(os.environ)
