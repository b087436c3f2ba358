from types import SimpleNamespace
from typing import Any

import pytest
from localstack.services.cloudformation.resource_provider import OperationStatus

from .inert import ApplicationProvider, BudgetProvider, DeploymentGroupProvider, InertResource


def request(desired: dict[str, Any], previous: dict[str, Any] | None = None) -> Any:
    return SimpleNamespace(
        desired_state=desired, previous_state=previous, stack_name="Cifar10", logical_resource_id="Thing"
    )


@pytest.mark.parametrize(
    ("provider", "properties", "name"),
    [
        (ApplicationProvider(), {"ComputePlatform": "Lambda"}, "ApplicationName"),
        (DeploymentGroupProvider(), {"ApplicationName": "app", "ServiceRoleArn": "arn"}, "DeploymentGroupName"),
        (BudgetProvider(), {"Budget": {"BudgetType": "COST", "TimeUnit": "MONTHLY"}}, "Id"),
    ],
)
def test_it_has_a_name_that_updates_keep(provider: InertResource, properties: dict[str, Any], name: str) -> None:
    assert provider.SCHEMA["primaryIdentifier"] == [f"/properties/{name}"]
    created = provider.create(request(dict(properties)))
    assert created.status == OperationStatus.SUCCESS
    assert created.resource_model.items() >= properties.items()
    assert created.resource_model[name].startswith("Cifar10-Thing-")

    updated = provider.update(request({**properties, "Tags": []}, created.resource_model))
    assert updated.resource_model == {**created.resource_model, "Tags": []}
    assert provider.delete(request(updated.resource_model)).status == OperationStatus.SUCCESS


@pytest.mark.parametrize(
    ("provider", "properties", "name"),
    [
        (ApplicationProvider(), {"ApplicationName": "mine"}, "ApplicationName"),
        (BudgetProvider(), {"Budget": {"BudgetName": "mine"}}, "Id"),
    ],
)
def test_a_name_in_the_template_is_its_name(provider: InertResource, properties: dict[str, Any], name: str) -> None:
    assert provider.create(request(properties)).resource_model[name] == "mine"
