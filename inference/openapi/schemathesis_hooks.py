"""What Schemathesis cannot take from the description: real pictures, and how it reads a tuple."""

import os
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import strategies as st

FIXTURES = Path(os.environ["FIXTURES"])

for media_type, suffix in (("image/png", ".png"), ("image/jpeg", ".jpg"), ("image/webp", ".webp")):
    files = [path.read_bytes() for path in sorted(FIXTURES.glob(f"*{suffix}"))]
    schemathesis.openapi.media_type(media_type, st.sampled_from(files))
schemathesis.openapi.media_type("application/octet-stream", st.binary(min_size=3072, max_size=3072))


@schemathesis.hook
def before_load_schema(_context: Any, raw_schema: dict[str, Any]) -> None:
    """It rewrites `prefixItems` as drafts before 2020-12 had them, and then calls its own rewriting invalid."""
    without_tuples(raw_schema)


def without_tuples(value: Any) -> None:
    """A list of as many of either."""
    if isinstance(value, dict):
        if "prefixItems" in value:
            value["items"] = {"anyOf": value.pop("prefixItems")}
        for each in value.values():
            without_tuples(each)
    elif isinstance(value, list):
        for each in value:
            without_tuples(each)
