"""Who sends a request: the role of a job or a function, whose policies limit it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from localstack.utils.aws.request_context import extract_access_key_id_from_auth_header

from .policy import Statement, read_policy


@dataclass(frozen=True)
class Caller:
    """A session of a role that a service of AWS assumes for a program."""

    role: str
    """The role's name."""
    role_arn: str
    session_arn: str
    statements: tuple[Statement, ...]
    """Of all policies of the role, as they are now."""


def find_caller(context: Any) -> Caller | None:
    """
    The role's session whose credentials signed a request.

    :returns: None for everybody else: the user, LocalStack itself, and roles that no service assumes, such as those of
        the CDK, whose policies are not this project's
    """
    key = extract_access_key_id_from_auth_header(context.request.headers)
    session = _find_session(context.account_id, key) if key else None
    if session is None:
        return None
    role = _find_role(session.role_arn)
    if role is not None and not _is_of_a_service(role):
        return None
    documents = () if role is None else _policies(role)
    return Caller(
        role=session.role_arn.rpartition("/")[2],
        role_arn=session.role_arn,
        session_arn=session.arn,
        statements=tuple(statement for document in documents for statement in read_policy(document)),
    )


def bucket_statements(bucket: str) -> tuple[Statement, ...]:
    """The statements of a bucket's policy; none for a bucket that does not exist."""
    from localstack.services.s3.models import s3_stores

    # All accounts and regions know whose bucket it is.
    account = s3_stores["000000000000"]["us-east-1"].global_bucket_map.get(bucket)
    found = s3_stores[account]["us-east-1"].buckets.get(bucket) if account else None
    return read_policy(found.policy) if found is not None and found.policy else ()


def _find_session(account: str, key: str) -> Any:
    from moto.sts.models import sts_backends

    return sts_backends[account]["aws"].get_assumed_role_from_access_key(key)


def _find_role(arn: str) -> Any:
    from moto.iam.exceptions import NotFoundException
    from moto.iam.models import iam_backends

    try:
        return iam_backends[arn.split(":")[4]]["aws"].get_role_by_arn(arn)
    except NotFoundException:
        return None


def _is_of_a_service(role: Any) -> bool:
    trust = json.loads(role.assume_role_policy_document)
    statements = trust["Statement"] if isinstance(trust["Statement"], list) else [trust["Statement"]]
    return any("Service" in each["Principal"] for each in statements if isinstance(each.get("Principal"), dict))


def _policies(role: Any) -> Iterator[str]:
    for document in role.policies.values():
        yield document if isinstance(document, str) else json.dumps(document)
    for policy in role.managed_policies.values():
        yield policy.document
