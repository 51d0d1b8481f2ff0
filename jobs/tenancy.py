"""Whose data a job works on where nobody says it."""

from rayce.errors import InvalidSettings
from rayce.settings import Settings


def only_tenant(settings: Settings) -> str:
    """The one tenant that the API keys name. `InvalidSettings` where it is none, or not one."""
    tenants = sorted({key.tenant for key in settings.edge.api_keys.values()})
    if len(tenants) != 1:
        raise InvalidSettings(f"--tenant is needed: the API keys name {tenants or 'none'}", "edge.api_keys", tenants)
    return tenants[0]
