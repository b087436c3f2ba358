import pytest
from localstack.services.apigateway.next_gen.execute_api.integrations import aws

from .api_gateway import fill_in, let_all_types_be_binary

VARIABLES = {"requestId": "a-b", "error": {"message": "Forbidden", "responseType": "INVALID_API_KEY"}, "identity": None}


def test_values_take_the_place_of_variables() -> None:
    assert fill_in('{"id": "urn:$context.requestId", "why": "$context.error.message."}', VARIABLES) == (
        '{"id": "urn:a-b", "why": "Forbidden."}'
    )


def test_what_there_is_not_is_empty() -> None:
    assert fill_in("[$context.nothing][$context.identity.user][$context.requestId.more]", VARIABLES) == "[][][]"


def test_other_text_stays() -> None:
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
def test_every_type_is_binary_where_an_api_says_so(
    monkeypatch: pytest.MonkeyPatch, accepted: str | None, types: list[str] | None, is_binary: bool
) -> None:
    monkeypatch.setattr(aws, "mime_type_matches_binary_media_types", aws.mime_type_matches_binary_media_types)
    let_all_types_be_binary()
    assert aws.mime_type_matches_binary_media_types(accepted, types) is is_binary
