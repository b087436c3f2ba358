import base64
import json
from typing import Any

import pytest
from localstack.aws.api import CommonServiceException

from .paging import page


def of(items: list[int], **request: Any) -> tuple[list[int], str | None]:
    shown, token = page("ListNumbers", items, lambda item: [item], request)
    return list(shown), token.get("nextToken")


def test_pages_continue_after_the_last_item_even_if_the_list_changes() -> None:
    first, token = of([1, 2, 3, 4, 5], maxResults=2)
    assert first == [1, 2]
    # The item 2 has gone, and 0 has come.
    second, token = of([0, 1, 3, 4, 5], maxResults=2, nextToken=token)
    assert second == [3, 4]
    assert of([0, 1, 3, 4, 5], maxResults=2, nextToken=token) == ([5], None)


def token_of(*position: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


@pytest.mark.parametrize(
    "token",
    [
        *("", "5", "abc", "äöü"),
        *(token_of("ListOthers", 1), token_of("ListNumbers", "1"), token_of(), token_of(5)),
        *(base64.b64encode(b"[" * 10_000).decode(), f"{token_of('ListNumbers', 1)}\n"),
    ],
)
def test_other_tokens_are_refused(token: str) -> None:
    with pytest.raises(CommonServiceException, match="nextToken is not one that ListNumbers returned"):
        of([1, 2, 3], nextToken=token)


@pytest.mark.parametrize("size", [0, -1, 101])
def test_the_size_of_a_page_is_limited(size: int) -> None:
    with pytest.raises(CommonServiceException, match=f"maxResults must be between 1 and 100, not {size}"):
        of([1], maxResults=size)
