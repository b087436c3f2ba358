"""Who sends a request: a user, or the role of a job or a function, whose policies limit it."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from localstack.utils.aws.request_context import extract_access_key_id_from_auth_header

from .policy import Statement, read_policy

OWN_KEY = OWN_SECRET = "test"
"""Of who uses this machine: `localTarget` in cli/stack/target.ts."""


@dataclass(frozen=True)
class Caller:
    """A user of IAM, or a session of a role that a service of AWS assumes for a program."""

    name: str
    """Of the user or the role."""
    arn: str
    """Of the user or the role."""
    session_arn: str
    """As refusals name the caller: the user's again."""
    statements: tuple[Statement, ...]
    """Of all policies of the user or the role, as they are now."""


@dataclass(frozen=True)
class Keys:
    """The secrets of an access key."""

    secret: str
    token: str | None = None
    has_expired: bool = False


def find_caller(context: Any) -> Caller | None:
    """
    The user, or the role's session, whose credentials signed a request.

    :returns: None for everybody else; see `caller_of`
    """
    key = extract_access_key_id_from_auth_header(context.request.headers)
    return caller_of(context.account_id, key) if key else None


def caller_of(account: str, key: str) -> Caller | None:
    """
    Whose access key it is.

    :returns: None for everybody else: who uses this machine, LocalStack itself, and roles that no service assumes, such
        as those of the CDK, whose policies are not this project's
    """
    session = _find_session(account, key)
    if session is None:
        user = _find_user(account, key)
        return None if user is None else Caller(user.name, user.arn, user.arn, _statements(_policies_of_user(user)))
    role = _find_role(session.role_arn)
    if role is not None and not _is_of_a_service(role):
        return None
    name = session.role_arn.rpartition("/")[2]
    return Caller(name, session.role_arn, session.arn, _statements(() if role is None else _policies(role)))


def find_keys(account: str, key: str) -> Keys | None:
    """The secrets that belong to an access key; None for one that nobody has, or that is not active."""
    if key == OWN_KEY:
        return Keys(OWN_SECRET)
    session = _find_session(account, key)
    if session is not None:
        has_expired = session.expiration.replace(tzinfo=UTC) < datetime.now(UTC)
        return Keys(session.secret_access_key, session.session_token, has_expired)
    user = _find_user(account, key)
    found = next((each for each in user.access_keys if each.access_key_id == key), None) if user else None
    return Keys(found.secret_access_key) if found is not None and found.status == "Active" else None


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


def _find_user(account: str, key: str) -> Any:
    from moto.iam.models import iam_backends

    users = iam_backends[account]["aws"].users.values()
    return next((user for user in users if any(each.access_key_id == key for each in user.access_keys)), None)


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


def _statements(documents: Iterable[str]) -> tuple[Statement, ...]:
    return tuple(statement for document in documents for statement in read_policy(document))


def _policies_of_user(user: Any) -> Iterator[str]:
    from moto.iam.models import iam_backends

    yield from _policies(user)
    for group in iam_backends[user.account_id]["aws"].get_groups_for_user(user.name):
        yield from _policies(group)


def _policies(owner: Any) -> Iterator[str]:
    """
    :param owner: a user, a group or a role
    """
    for document in owner.policies.values():
        yield document if isinstance(document, str) else json.dumps(document)
    for policy in owner.managed_policies.values():
        yield policy.document
