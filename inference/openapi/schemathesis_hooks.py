"""Provides Schemathesis with real images, and works around its handling of tuples."""

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
    """Schemathesis rewrites `prefixItems` to the form before draft 2020-12, and then calls the result invalid."""
    without_tuples(raw_schema)


def without_tuples(value: Any) -> None:
    """Replaces each tuple by a list of its item types, in any order."""
    if isinstance(value, dict):
        if "prefixItems" in value:
            value["items"] = {"anyOf": value.pop("prefixItems")}
        for each in value.values():
            without_tuples(each)
    elif isinstance(value, list):
        for each in value:
            without_tuples(each)
