"""
Whether a failed attempt is retried.

@see https://docs.aws.amazon.com/batch/latest/userguide/job_retries.html
"""

from dataclasses import dataclass, field
from typing import Any

MAXIMUM_ATTEMPTS = 10
MAXIMUM_RULES = 5
MAXIMUM_PATTERN = 512


class RetryStrategyError(ValueError):
    """The strategy breaks one of Batch's rules, which the message names."""


@dataclass(frozen=True)
class ExitRule:
    """One entry of `evaluateOnExit`: applies when all its patterns match."""

    action: str
    on_exit_code: str | None = None
    on_reason: str | None = None
    on_status_reason: str | None = None

    def applies(self, exit_code: int | None, reason: str | None, status_reason: str | None) -> bool:
        code = "" if exit_code is None else str(exit_code)
        pairs = (
            (self.on_exit_code, code),
            (self.on_reason, reason or ""),
            (self.on_status_reason, status_reason or ""),
        )
        return all(pattern is None or matches(pattern, value) for pattern, value in pairs)


def matches(pattern: str, value: str) -> bool:
    """Matches one of Batch's patterns: the text itself, or a prefix followed by `*`."""
    return value.startswith(pattern[:-1]) if pattern.endswith("*") else value == pattern


@dataclass(frozen=True)
class RetryStrategy:
    """How many attempts a job has, and after which ends it is retried."""

    attempts: int = 1
    rules: list[ExitRule] = field(default_factory=list)

    @classmethod
    def read(cls, strategy: dict[str, Any] | None) -> "RetryStrategy":
        """
        :raises RetryStrategyError: AWS would not accept it
        """
        strategy = strategy or {}
        attempts = strategy.get("attempts", 1)
        entries = strategy.get("evaluateOnExit") or []
        if not 1 <= attempts <= MAXIMUM_ATTEMPTS:
            raise RetryStrategyError(f"attempts must be between 1 and {MAXIMUM_ATTEMPTS}, not {attempts}")
        if len(entries) > MAXIMUM_RULES:
            raise RetryStrategyError(f"evaluateOnExit must have at most {MAXIMUM_RULES} entries, not {len(entries)}")
        if entries and "attempts" not in strategy:
            raise RetryStrategyError("attempts must be given with evaluateOnExit")
        return cls(attempts, [_read_rule(entry) for entry in entries])

    def retries(self, attempts: int, exit_code: int | None, reason: str | None, status_reason: str | None) -> bool:
        """
        Whether to retry. The first rule that applies decides; if none does, the job is retried.

        :param attempts: the number of attempts so far
        """
        if attempts >= self.attempts:
            return False
        for rule in self.rules:
            if rule.applies(exit_code, reason, status_reason):
                return rule.action == "RETRY"
        return True

    def describe(self) -> dict[str, Any]:
        """As AWS returns it, with actions in lower case."""
        names = ("onExitCode", "onReason", "onStatusReason")
        entries = []
        for rule in self.rules:
            patterns = zip(names, (rule.on_exit_code, rule.on_reason, rule.on_status_reason), strict=True)
            entries.append(
                {name: pattern for name, pattern in patterns if pattern is not None} | {"action": rule.action.lower()}
            )
        return {"attempts": self.attempts, "evaluateOnExit": entries}


def _read_rule(entry: dict[str, Any]) -> ExitRule:
    action = str(entry.get("action", "")).upper()
    if action not in ("RETRY", "EXIT"):
        raise RetryStrategyError(f"action must be RETRY or EXIT, not {entry.get('action')}")
    on_exit_code = entry.get("onExitCode")
    if on_exit_code is not None and not on_exit_code.removesuffix("*").isdigit() and on_exit_code != "*":
        raise RetryStrategyError(f"onExitCode must be digits, optionally with * at the end, not {on_exit_code}")
    patterns = (on_exit_code, entry.get("onReason"), entry.get("onStatusReason"))
    if all(pattern is None for pattern in patterns):
        raise RetryStrategyError("an entry of evaluateOnExit must have onExitCode, onReason or onStatusReason")
    if any("*" in pattern[:-1] for pattern in patterns if pattern):
        raise RetryStrategyError("a pattern of evaluateOnExit may have * at its end only")
    if any(len(pattern) > MAXIMUM_PATTERN for pattern in patterns if pattern):
        raise RetryStrategyError(f"a pattern of evaluateOnExit must have at most {MAXIMUM_PATTERN} characters")
    return ExitRule(action, *patterns)
