"""Pages of a list, with tokens that stay valid while the list changes."""

import base64
import json
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any

from .job import Json
from .shapes import refuse, show

MAXIMUM = 100


def page[T](
    name: str, items: Sequence[T], key: Callable[[T], list[Any]], request: Json, *, size: int | None = None
) -> tuple[Sequence[T], Json]:
    """
    The page that a request with `maxResults` and `nextToken` asks for.

    :param name: of the list, so that a token of one list is refused by another
    :param key: identifies an item, of which JSON can be made; the items are sorted by it
    :param size: of a page @default maxResults, at most 100
    :returns: the items, and `nextToken` if more follow
    :raises CommonServiceException: maxResults or nextToken is invalid
    """
    if size is None:
        size = request.get("maxResults", MAXIMUM)
        if not 1 <= size <= MAXIMUM:
            refuse(f"maxResults must be between 1 and {MAXIMUM}, not {size}")
    token = request.get("nextToken")
    start = 0 if token is None else _find(name, items, key, token)
    shown = items[start : start + size]
    more = start + size < len(items)
    return shown, {"nextToken": _encode([name, *key(shown[-1])])} if more else {}


def _encode(position: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


def _find[T](name: str, items: Sequence[T], key: Callable[[T], list[Any]], token: str) -> int:
    """The index of the first item after the token's."""
    try:
        found, *last = json.loads(base64.urlsafe_b64decode(token))
        if found == name and _encode([name, *last]) == token:
            return bisect_right(items, last, key=key)
    except (RecursionError, TypeError, ValueError):
        pass
    refuse(f"nextToken is not one that {name} returned: {show(token)}")
