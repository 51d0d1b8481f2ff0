"""What the client raises, and the problem report that the server sends. All survive pickling."""

from typing import Any

from msgspec import Struct


class Problem(Struct, frozen=True):
    """A problem report (RFC 9457); `key` and `value` name what offended."""

    title: str = ""
    detail: str = ""
    type: str = "about:blank"
    status: int = 0
    key: str | None = None
    value: Any = None


class RayceClientError(Exception):
    """Root of this module's errors."""


class RayceHTTPError(RayceClientError):
    """The server answered with `status` 400 or more. Below 500: mend the call. 429 and 503: wait `retry_after_s`, retry."""

    def __init__(self, status: int, problem: Problem, retry_after_s: float | None = None) -> None:
        super().__init__(status, problem, retry_after_s)
        self.status, self.problem, self.retry_after_s = status, problem, retry_after_s

    def __str__(self) -> str:
        at = f" ({self.problem.key}: {self.problem.value!r})" if self.problem.key else ""
        return f"{self.status} {self.problem.detail or self.problem.title}{at}"


class RayceUnreachable(RayceClientError):
    """No answer: refused, reset, or not within `timeout_s`. What was sent may or may not have arrived."""
