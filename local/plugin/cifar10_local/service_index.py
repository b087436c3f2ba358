"""LocalStack's index of all AWS operations, cached for later instances: building it takes four seconds."""

import os
import shutil
from pathlib import Path

from localstack import config
from localstack.aws import spec

from .settings import settings


def load_service_index() -> None:
    """Loads or builds the index before the first request needs it. The versions of its sources are in its file name."""
    name: str = spec._get_catalog_filename()
    own, kept = Path(config.dirs.cache) / name, settings().cache / name
    if kept.exists():
        shutil.copyfile(kept, own)
    spec.get_service_catalog()
    if own.exists() and not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        draft = kept.with_name(f"{name}.{os.getpid()}")
        shutil.copyfile(own, draft)
        draft.rename(kept)
