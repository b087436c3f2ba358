"""AWS::CloudWatch::Dashboard."""

import json
from typing import Any, ClassVar

from localstack.services.cloudformation.resource_provider import OperationStatus, ProgressEvent

from .resource import NamedResource, succeeded


class DashboardProvider(NamedResource):
    TYPE, NAME = "AWS::CloudWatch::Dashboard", "DashboardName"
    SCHEMA: ClassVar = {
        "primaryIdentifier": ["/properties/DashboardName"],
        "createOnlyProperties": ["/properties/DashboardName"],
    }

    def create(self, request: Any) -> ProgressEvent:
        model = self.named(request)
        try:
            json.loads(model["DashboardBody"])
        except ValueError as error:
            message = f"DashboardBody is not JSON: {error}"
            return ProgressEvent(status=OperationStatus.FAILED, resource_model=model, message=message)
        request.aws_client_factory.cloudwatch.put_dashboard(
            DashboardName=model["DashboardName"], DashboardBody=model["DashboardBody"]
        )
        return succeeded(model)

    def update(self, request: Any) -> ProgressEvent:
        return self.create(request)

    def delete(self, request: Any) -> ProgressEvent:
        name = request.desired_state["DashboardName"]
        request.aws_client_factory.cloudwatch.delete_dashboards(DashboardNames=[name])
        return succeeded({})
