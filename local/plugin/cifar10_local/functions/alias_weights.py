"""Weights of an alias that is there already."""

import dataclasses
from typing import Any

from localstack.services.lambda_ import api_utils
from localstack.services.lambda_.provider_utils import get_function_version


def support_alias_weights(provider: Any) -> None:
    """By default UpdateAlias with weights is an internal error: a check of CreateAlias lacks an argument there."""
    default = provider.update_alias

    def update_alias(
        self: Any,
        context: Any,
        function_name: str,
        name: str,
        function_version: str | None = None,
        description: str | None = None,
        routing_config: dict[str, Any] | None = None,
        revision_id: str | None = None,
        **_: Any,
    ) -> Any:
        account, region = api_utils.get_account_and_region(function_name, context)
        plain = api_utils.get_function_name(function_name, context)
        function = self._get_function(function_name=plain, region=region, account_id=account)
        alias = function.aliases.get(name)
        weights = (routing_config or {}).get("AdditionalVersionWeights")
        if alias is None or not weights:
            return default(
                self, context, function_name, name, function_version, description, routing_config, revision_id
            )
        target = get_function_version(
            function_name=plain,
            qualifier=function_version or alias.function_version,
            region=region,
            account_id=account,
        )
        routing = self._create_routing_config_model(weights, target)
        default(self, context, function_name, name, function_version, description, {}, revision_id)
        function.aliases[name] = dataclasses.replace(function.aliases[name], routing_configuration=routing)
        return api_utils.map_alias_out(alias=function.aliases[name], function=function)

    provider.update_alias = update_alias
