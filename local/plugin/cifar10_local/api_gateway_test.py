from .api_gateway import fill_in

VARIABLES = {"requestId": "a-b", "error": {"message": "Forbidden", "responseType": "INVALID_API_KEY"}, "identity": None}


def test_values_take_the_place_of_variables() -> None:
    assert fill_in('{"id": "urn:$context.requestId", "why": "$context.error.message."}', VARIABLES) == (
        '{"id": "urn:a-b", "why": "Forbidden."}'
    )


def test_what_there_is_not_is_empty() -> None:
    assert fill_in("[$context.nothing][$context.identity.user][$context.requestId.more]", VARIABLES) == "[][][]"


def test_other_text_stays() -> None:
    assert fill_in("$contextual $100 $input.body", VARIABLES) == "$contextual $100 $input.body"
