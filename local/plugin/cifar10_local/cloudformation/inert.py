"""
Types that only AWS acts on: CodeDeploy shifts traffic and Budgets counts money, of which there is neither here.

A resource is there for its stack: it has its name for `Ref`, keeps its properties, changes and goes. It calls nothing.
What it would do on AWS is for the template's tests.
"""

from typing import Any, ClassVar

from localstack.services.cloudformation.resource_provider import ProgressEvent

from .resource import NamedResource, succeeded


class InertResource(NamedResource):
    """A resource that is no more than its name and properties."""

    def create(self, request: Any) -> ProgressEvent:
        return succeeded(self.named(request))

    def update(self, request: Any) -> ProgressEvent:
        return succeeded(self.named(request))

    def delete(self, _request: Any) -> ProgressEvent:
        return succeeded({})


class ApplicationProvider(InertResource):
    TYPE, NAME = "AWS::CodeDeploy::Application", "ApplicationName"
    SCHEMA: ClassVar = {
        "primaryIdentifier": ["/properties/ApplicationName"],
        "createOnlyProperties": ["/properties/ApplicationName", "/properties/ComputePlatform"],
    }


class DeploymentGroupProvider(InertResource):
    TYPE, NAME = "AWS::CodeDeploy::DeploymentGroup", "DeploymentGroupName"
    SCHEMA: ClassVar = {
        # `Ref` gives the name of the group alone.
        "primaryIdentifier": ["/properties/DeploymentGroupName"],
        "createOnlyProperties": ["/properties/ApplicationName", "/properties/DeploymentGroupName"],
    }


class BudgetProvider(InertResource):
    """Its name is inside `Budget`, and AWS chooses one where there is none."""

    TYPE, NAME = "AWS::Budgets::Budget", "Id"
    SCHEMA: ClassVar = {"primaryIdentifier": ["/properties/Id"], "readOnlyProperties": ["/properties/Id"]}

    def named(self, request: Any) -> dict[str, Any]:
        request.desired_state["Id"] = request.desired_state["Budget"].get("BudgetName")
        return super().named(request)
