"""
Whether policies allow a request, by IAM's documented rules. What of a policy is not understood here is an error and is
never taken for allowed or denied.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

import functools
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, value: wanted == value,
    "StringEqualsIgnoreCase": lambda wanted, value: wanted.lower() == value.lower(),
    "StringLike": lambda wanted, value: matches(wanted, value),
    "ArnEquals": lambda wanted, value: matches(wanted, value),
    "ArnLike": lambda wanted, value: matches(wanted, value),
    "Bool": lambda wanted, value: wanted.lower() == value.lower(),
    "NumericEquals": lambda wanted, value: float(value) == float(wanted),
    "NumericLessThan": lambda wanted, value: float(value) < float(wanted),
    "NumericLessThanEquals": lambda wanted, value: float(value) <= float(wanted),
    "NumericGreaterThan": lambda wanted, value: float(value) > float(wanted),
    "NumericGreaterThanEquals": lambda wanted, value: float(value) >= float(wanted),
}
"""By name: whether the request's value is one that the policy wants."""
NEGATIONS = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NumericNotEquals": "NumericEquals",
}


class PolicyError(ValueError):
    """A policy that is malformed, or that uses what is not known here."""


@dataclass(frozen=True)
class Request:
    """One permission that a call needs."""

    action: str
    """Such as `s3:GetObject`."""
    resource: str
    """Its ARN."""
    context: Mapping[str, str] = field(default_factory=dict)
    """The values of condition keys, such as `s3:prefix`; a key that the request does not have is absent."""
    principal: str = ""
    """The ARN of the role that asks."""


@dataclass(frozen=True)
class Grant:
    """The entries of an allowing statement that a request used."""

    action: str
    resource: str
    conditions: tuple[tuple[str, str], ...] = ()
    """Keys, and the value of the policy that matched."""


@dataclass(frozen=True)
class Decision:
    allowed: bool
    grants: tuple[Grant, ...] = ()
    is_explicit: bool = False
    """Whether a statement denies it, instead of none allowing it."""


@dataclass(frozen=True)
class Condition:
    operator: str
    key: str
    values: tuple[str, ...]

    def holds(self, context: Mapping[str, str]) -> tuple[bool, str | None]:
        """
        :returns: whether it holds, and the value of the policy that matched, if any
        """
        value = next((context[key] for key in context if key.lower() == self.key.lower()), None)
        if self.operator == "Null":
            return (value is None) == (self.values[0].lower() == "true"), None
        name = self.operator.removesuffix("IfExists")
        is_negated = name in NEGATIONS
        if value is None:
            return is_negated or name != self.operator, None
        matched = next((wanted for wanted in self.values if OPERATORS[NEGATIONS.get(name, name)](wanted, value)), None)
        return (matched is None) == is_negated, None if is_negated else matched


@dataclass(frozen=True)
class Statement:
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[Condition, ...]
    excludes_actions: bool = False
    """Whether it is about all actions but these: `NotAction`."""
    excludes_resources: bool = False
    principals: tuple[str, ...] | None = None
    """ARNs, account ids or `*`; None in a policy of a role, which is about that role."""

    def grant(self, request: Request) -> Grant | None:
        """
        :returns: the entries that are about the request; None if the statement is not
        """
        if self.principals is not None and not any(_is(each, request.principal) for each in self.principals):
            return None
        action = _entry(self.actions, request.action, self.excludes_actions, ignores_case=True)
        resource = _entry(self.resources, request.resource, self.excludes_resources)
        if action is None or resource is None:
            return None
        used = []
        for condition in self.conditions:
            holds, matched = condition.holds(request.context)
            if not holds:
                return None
            if matched is not None:
                used.append((condition.key, matched))
        return Grant(action, resource, tuple(used))


def evaluate(statements: Iterable[Statement], request: Request) -> Decision:
    """Whether the statements of all policies together allow it: one must allow it, and none deny it."""
    grants = []
    for statement in statements:
        grant = statement.grant(request)
        if grant is None:
            continue
        if statement.effect == "Deny":
            return Decision(False, is_explicit=True)
        grants.append(grant)
    return Decision(bool(grants), tuple(grants))


@functools.lru_cache(maxsize=256)
def read_policy(document: str) -> tuple[Statement, ...]:
    """
    :param document: JSON
    :raises PolicyError: it is not a policy, or has what is not known here
    """
    try:
        policy = json.loads(document)
        return tuple(_read_statement(each) for each in _listed(policy["Statement"]))
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise PolicyError(f"This is not a policy: {document}") from error


def matches(pattern: str, value: str) -> bool:
    """Whether a value has the pattern's form: `*` stands for any characters, slashes included, and `?` for one."""
    return _expression(pattern).fullmatch(value) is not None


@functools.lru_cache(maxsize=1024)
def _expression(pattern: str) -> re.Pattern[str]:
    if "${" in pattern:
        raise PolicyError(f"{pattern}: policy variables are not known here")
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


def _entry(entries: tuple[str, ...], value: str, excludes: bool, ignores_case: bool = False) -> str | None:
    if ignores_case:
        found = next((entry for entry in entries if matches(entry.lower(), value.lower())), None)
    else:
        found = next((entry for entry in entries if matches(entry, value)), None)
    if excludes:
        return "*" if found is None else None
    return found


def _is(principal: str, role: str) -> bool:
    """Whether a principal of a bucket's policy is the role, or its account, or everybody."""
    account = role.split(":")[4] if role else ""
    return principal in ("*", role, account, f"{':'.join(role.split(':')[:2])}:iam::{account}:root")


def _read_statement(statement: dict[str, Any]) -> Statement:
    known = {"Sid", "Effect", "Principal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
    if unknown := statement.keys() - known:
        raise PolicyError(f"{', '.join(sorted(unknown))}: such elements of a policy are not known here")
    if statement["Effect"] not in ("Allow", "Deny"):
        raise PolicyError(f"Effect is {statement['Effect']}, and must be Allow or Deny")
    conditions = [
        _read_condition(operator, key, values)
        for operator, keys in statement.get("Condition", {}).items()
        for key, values in keys.items()
    ]
    return Statement(
        effect=statement["Effect"],
        actions=_texts(statement["NotAction"] if "NotAction" in statement else statement["Action"]),
        resources=_texts(statement["NotResource"] if "NotResource" in statement else statement["Resource"]),
        conditions=tuple(conditions),
        excludes_actions="NotAction" in statement,
        excludes_resources="NotResource" in statement,
        principals=_read_principals(statement["Principal"]) if "Principal" in statement else None,
    )


def _read_condition(operator: str, key: str, values: Any) -> Condition:
    name = operator.removesuffix("IfExists")
    if operator != "Null" and name not in OPERATORS and name not in NEGATIONS:
        raise PolicyError(f"The condition operator {operator} is not known here")
    return Condition(operator, key, _texts(values))


def _read_principals(principal: Any) -> tuple[str, ...]:
    """Services and federated users are no roles, and match none."""
    return ("*",) if principal == "*" else _texts(principal.get("AWS", []))


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(str(value).lower() if isinstance(value, bool) else str(value) for value in _listed(values))


def _listed(values: Any) -> list[Any]:
    return values if isinstance(values, list) else [values]
