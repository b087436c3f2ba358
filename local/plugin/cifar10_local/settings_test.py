from pathlib import Path

import pytest

from .settings import Settings

REQUIRED = {
    "CIFAR10_LOCAL_FOLDER": "/instance",
    "CIFAR10_LOCAL_CACHE": "/cache",
    "CIFAR10_LOCAL_IMAGES": "/instance/images.json",
    "CIFAR10_LOCAL_NODE": "/usr/bin/node",
    "GATEWAY_LISTEN": "127.0.0.1:4566",
}


def test_defaults_are_those_of_aws() -> None:
    settings = Settings.read(REQUIRED)
    assert settings.folder == Path("/instance")
    assert settings.port == 4566
    assert settings.lease is None
    assert not settings.ephemeral
    assert (settings.batch_minimum_timeout, settings.batch_stop_grace) == (60, 30)


@pytest.mark.parametrize("missing", REQUIRED)
def test_a_missing_setting_without_default_is_an_error(missing: str) -> None:
    with pytest.raises(KeyError, match=missing):
        Settings.read({name: value for name, value in REQUIRED.items() if name != missing})
