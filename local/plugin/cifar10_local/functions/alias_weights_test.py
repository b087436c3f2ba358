from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from localstack.aws.api.lambda_ import (
    InvalidParameterValueException,
    PreconditionFailedException,
    ResourceNotFoundException,
)
from localstack.services.lambda_.invocation.lambda_models import (
    Function,
    FunctionVersion,
    VersionAlias,
    VersionIdentifier,
)
from localstack.services.lambda_.invocation.models import lambda_stores
from localstack.services.lambda_.provider import LambdaProvider

from .alias_weights import support_alias_weights

ACCOUNT, REGION = "000000000000", "us-east-1"
CONTEXT = SimpleNamespace(account_id=ACCOUNT, region=REGION, operation=SimpleNamespace(name="UpdateAlias"))


@pytest.fixture
def provider() -> Iterator[Any]:
    """LocalStack's own, with a function of two versions and the alias `live` of the first."""
    functions = lambda_stores[ACCOUNT][REGION].functions
    functions["f"] = function = Function("f")
    for version in ("1", "2", "$LATEST"):
        identifier = VersionIdentifier("f", version, REGION, ACCOUNT)
        function.versions[version] = FunctionVersion(id=identifier, config=None)
    function.aliases["live"] = VersionAlias("1", "live", "answers")
    patched = type("Patched", (LambdaProvider,), {})
    support_alias_weights(patched)
    instance: Any = object.__new__(patched)  # without the service that it would start
    instance.lambda_service = Mock()
    yield instance
    del functions["f"]


def update(provider: Any, name: str = "live", revision: str | None = None, **routing: Any) -> dict[str, Any]:
    changed: dict[str, Any] = provider.update_alias(
        CONTEXT, "f", name, routing_config=routing or None, revision_id=revision
    )
    return changed


def test_a_second_version_gets_a_share_and_loses_it(provider: Any) -> None:
    shared = update(provider, AdditionalVersionWeights={"2": 0.1})
    assert shared["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.1}}
    assert (shared["FunctionVersion"], shared["Description"]) == ("1", "answers")

    alone = provider.update_alias(CONTEXT, "f", "live", "2", routing_config={"AdditionalVersionWeights": {}})
    assert alone["FunctionVersion"] == "2"
    assert "RoutingConfig" not in alone


def test_each_change_has_a_revision_and_an_older_one_is_refused(provider: Any) -> None:
    first = update(provider, AdditionalVersionWeights={"2": 0.1})["RevisionId"]
    second = update(provider, revision=first, AdditionalVersionWeights={"2": 0.2})["RevisionId"]
    assert second != first
    with pytest.raises(PreconditionFailedException):
        update(provider, revision=first, AdditionalVersionWeights={"2": 0.5})
    assert provider._get_function("f", ACCOUNT, REGION).aliases["live"].routing_configuration.version_weights == {
        "2": 0.2
    }


def test_it_refuses_a_version_that_is_there_already_or_is_none_and_an_alias_that_is_none(provider: Any) -> None:
    with pytest.raises(InvalidParameterValueException, match="already included in routing"):
        update(provider, AdditionalVersionWeights={"1": 0.1})
    with pytest.raises(ResourceNotFoundException, match="Function not found"):
        update(provider, AdditionalVersionWeights={"3": 0.1})
    with pytest.raises(ResourceNotFoundException, match="Alias not found"):
        update(provider, name="dead", AdditionalVersionWeights={"2": 0.1})
