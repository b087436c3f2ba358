import json
from typing import Any

import pytest

from .policy import Decision, Grant, PolicyError, Request, Statement, evaluate, matches, read_policy

ROLE = "arn:aws:iam::000000000000:role/job"


def policy(*statements: dict[str, Any]) -> tuple[Statement, ...]:
    complete = [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", **each} for each in statements]
    return read_policy(json.dumps({"Version": "2012-10-17", "Statement": complete}))


def asks(action: str = "s3:GetObject", resource: str = "arn:aws:s3:::b/models/a", **context: str) -> Request:
    return Request(action, resource, {key.replace("_", ":", 1): value for key, value in context.items()}, ROLE)


def test_what_no_statement_allows_is_denied_and_a_denial_beats_what_allows() -> None:
    assert evaluate([], asks()) == Decision(False)
    assert evaluate(policy({}), asks()).allowed
    assert not evaluate(policy({"Action": "s3:PutObject"}), asks()).allowed
    denial: dict[str, Any] = {"Effect": "Deny"}
    for order in ([{}, denial], [denial, {}]):
        assert evaluate(policy(*order), asks()) == Decision(False, is_explicit=True)


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("arn:aws:s3:::b/models/*", "arn:aws:s3:::b/models/a/weights.bin", True),
        ("arn:aws:s3:::b/models/*", "arn:aws:s3:::b/models/", True),
        ("arn:aws:s3:::b/models/*", "arn:aws:s3:::b/models", False),
        ("arn:aws:s3:::b/models/*", "arn:aws:s3:::b/Models/a", False),
        ("arn:aws:s3:::b*/models/*", "arn:aws:s3:::b/x/models/a", True),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("a.c", "abc", False),
        ("*", "", True),
        ("models/*", "models/a\nb", True),
    ],
)
def test_wildcards_stand_for_any_characters(pattern: str, value: str, expected: bool) -> None:
    assert matches(pattern, value) is expected


def test_actions_ignore_case_and_may_have_wildcards() -> None:
    for action in ("S3:getobject", "s3:Get*", "s3:*", "*", ["s3:PutObject", "s3:GetObject"]):
        assert evaluate(policy({"Action": action}), asks()).allowed
    assert not evaluate(policy({"Action": "s3:GetObject"}), asks("s3:GetObjectVersion")).allowed


def test_a_statement_may_be_about_all_but_its_actions_or_resources() -> None:
    statement = {"Effect": "Allow", "NotAction": "s3:DeleteObject", "NotResource": "arn:aws:s3:::b/runs/*"}
    statements = read_policy(json.dumps({"Statement": statement}))
    assert evaluate(statements, asks()).allowed
    assert not evaluate(statements, asks("s3:DeleteObject")).allowed
    assert not evaluate(statements, asks(resource="arn:aws:s3:::b/runs/a")).allowed


@pytest.mark.parametrize(
    ("condition", "context", "expected"),
    [
        # The key is absent: a condition is false, unless it is negated or for keys that exist.
        ({"StringLike": {"s3:prefix": "models/*"}}, {}, False),
        ({"StringLikeIfExists": {"s3:prefix": "models/*"}}, {}, True),
        ({"StringNotLike": {"s3:prefix": "models/*"}}, {}, True),
        ({"StringNotEquals": {"s3:prefix": "models/"}}, {}, True),
        ({"Null": {"s3:prefix": "true"}}, {}, True),
        ({"Null": {"s3:prefix": "false"}}, {}, False),
        ({"Null": {"s3:prefix": True}}, {"s3_prefix": ""}, False),
        # It is there, and may be empty.
        ({"StringLike": {"s3:prefix": "models/*"}}, {"s3_prefix": ""}, False),
        ({"StringLikeIfExists": {"s3:prefix": "models/*"}}, {"s3_prefix": ""}, False),
        ({"StringLike": {"s3:prefix": ["runs/*", "models/*"]}}, {"s3_prefix": "models/"}, True),
        ({"StringLike": {"S3:Prefix": "models/*"}}, {"s3_prefix": "models/"}, True),
        ({"StringLike": {"s3:prefix": "models/*"}}, {"s3_prefix": "model"}, False),
        ({"StringEquals": {"s3:prefix": "models/*"}}, {"s3_prefix": "models/a"}, False),
        ({"StringNotEquals": {"s3:prefix": ["a", "b"]}}, {"s3_prefix": "b"}, False),
        ({"StringNotEquals": {"s3:prefix": ["a", "b"]}}, {"s3_prefix": "c"}, True),
        ({"Bool": {"aws:SecureTransport": "false"}}, {"aws_SecureTransport": "true"}, False),
        ({"Bool": {"aws:SecureTransport": "true"}}, {"aws_SecureTransport": "true"}, True),
        ({"NumericLessThan": {"s3:TlsVersion": "1.2"}}, {"s3_TlsVersion": "1.3"}, False),
        ({"NumericLessThan": {"s3:TlsVersion": 1.2}}, {"s3_TlsVersion": "1.1"}, True),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:batch:*:*:job/*"}}, {"aws_SourceArn": "arn:aws:batch:r:a:job/1"}, True),
        # All conditions must hold.
        ({"StringLike": {"s3:prefix": "a*"}, "Bool": {"aws:SecureTransport": "true"}}, {"s3_prefix": "a"}, False),
    ],
)
def test_conditions_hold_as_iam_documents(condition: Any, context: dict[str, str], expected: bool) -> None:
    assert evaluate(policy({"Condition": condition}), asks(**context)).allowed is expected


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ("*", True),
        ({"AWS": "*"}, True),
        ({"AWS": ROLE}, True),
        ({"AWS": ["arn:aws:iam::000000000000:role/other", "000000000000"]}, True),
        ({"AWS": "arn:aws:iam::000000000000:root"}, True),
        ({"AWS": "arn:aws:iam::111111111111:root"}, False),
        ({"AWS": "arn:aws:iam::000000000000:role/other"}, False),
        ({"Service": "logging.s3.amazonaws.com"}, False),
    ],
)
def test_a_buckets_policy_is_about_its_principals(principal: Any, expected: bool) -> None:
    assert evaluate(policy({"Principal": principal}), asks()).allowed is expected


def test_a_decision_names_the_entries_that_allowed_it() -> None:
    condition = {"StringLike": {"s3:prefix": ["models/*", "aliases/*"]}}
    statements = policy({"Action": ["s3:GetObject", "s3:ListBucket"], "Condition": condition})
    decision = evaluate(statements, asks("s3:ListBucket", "arn:aws:s3:::b", s3_prefix="aliases/"))
    assert decision.grants == (Grant("s3:ListBucket", "*", (("s3:prefix", "aliases/*"),)),)


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Maybe"},
        {"Condition": {"DateLessThan": {"aws:CurrentTime": "2026-11-28"}}},
        {"Condition": {"ForAnyValue:StringEquals": {"aws:TagKeys": "a"}}},
        {"NotPrincipal": "*"},
        {"Resource": "arn:aws:s3:::b/${aws:username}/*"},
    ],
)
def test_what_is_not_known_is_an_error(statement: dict[str, Any]) -> None:
    with pytest.raises(PolicyError):
        evaluate(policy(statement), asks())


@pytest.mark.parametrize("document", ["", "[]", "{}", '{"Statement": [{"Effect": "Allow"}]}'])
def test_a_document_that_is_no_policy_is_an_error(document: str) -> None:
    with pytest.raises(PolicyError):
        read_policy(document)
