"""Whom the administration lets near what: a key reaches its own tenant's things only, what all share needs `operator`."""

from deployments.edge.callers import Caller
from deployments.edge.problems import Problem
from deployments.edge.scopes import OPERATOR
from rayce.documents import EVERYBODY


def admit(caller: Caller) -> str:
    """The tenant that the caller may administer. A `Problem` 403 for a tenant whose name would reach into another's."""
    if caller.tenant == EVERYBODY or "/" in caller.tenant:
        raise Problem(403, f"a tenant with this name has no administration: it may not be `{EVERYBODY}` nor have a `/`")
    return caller.tenant


def need(caller: Caller, scope: str) -> None:
    """A `Problem` 403 where the key lacks the scope."""
    if scope not in caller.scopes:
        raise Problem(403, f"this API key lacks the scope `{scope}`", "Authorization", scope)


def is_operator(caller: Caller) -> bool:
    """Whether it may touch what all tenants share."""
    return OPERATOR in caller.scopes
