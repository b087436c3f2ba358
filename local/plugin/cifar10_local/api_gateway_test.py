from types import SimpleNamespace
from typing import Any

import pytest
from localstack.services.apigateway.next_gen.execute_api.integrations import aws

from .api_gateway import fill_in, header_value, support_binary_wildcard

VARIABLES = {"requestId": "a-b", "error": {"message": "Forbidden", "responseType": "INVALID_API_KEY"}, "identity": None}


def test_variables_are_replaced_by_their_values() -> None:
    assert fill_in('{"id": "urn:$context.requestId", "why": "$context.error.message."}', VARIABLES) == (
        '{"id": "urn:a-b", "why": "Forbidden."}'
    )


def test_unknown_variables_are_empty() -> None:
    assert fill_in("[$context.nothing][$context.identity.user][$context.requestId.more]", VARIABLES) == "[][][]"


def test_other_text_is_unchanged() -> None:
    assert fill_in("$contextual $100 $input.body", VARIABLES) == "$contextual $100 $input.body"


@pytest.mark.parametrize(
    ("accepted", "types", "is_binary"),
    [
        ("text/html,*/*;q=0.8", ["*/*"], True),
        (None, ["*/*"], True),
        ("text/html", ["image/png"], False),
        ("image/png", ["image/png"], True),
        ("image/png", None, False),
    ],
)
def test_the_wildcard_makes_every_type_binary(
    monkeypatch: pytest.MonkeyPatch, accepted: str | None, types: list[str] | None, is_binary: bool
) -> None:
    monkeypatch.setattr(aws, "mime_type_matches_binary_media_types", aws.mime_type_matches_binary_media_types)
    support_binary_wildcard()
    assert aws.mime_type_matches_binary_media_types(accepted, types) is is_binary


@pytest.mark.parametrize(
    ("mapping", "value"),
    [
        ("'*'", "*"),
        ("context.requestId", "a-b"),
        ("context.error.message", "Forbidden"),
        ("context.nothing", ""),
        ("stageVariables.color", "blue"),
        ("method.request.header.x-client", "tests"),
        ("method.request.header.x-other", ""),
    ],
)
def test_a_header_of_a_gateway_response_has_its_value(mapping: str, value: str) -> None:
    context: Any = SimpleNamespace(
        context_variables=VARIABLES,
        stage_variables={"color": "blue"},
        request=SimpleNamespace(headers={"x-client": "tests"}),
    )
    assert header_value(mapping, context) == value
