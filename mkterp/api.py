"""The API: what the rooms declare, under /api/v1/, described at /api/v1/openapi.json."""

from django.urls import URLPattern, URLResolver
from ninja import NinjaAPI
from ninja.throttling import AuthRateThrottle

from mapping.api import router as mapping
from mkterp.core import roles
from mkterp.core.api.operations import answer_refusals
from mkterp.core.api.tokens import Bearer
from reconciliation.api import router as reconciliation
from sync.api import router as sync

api = NinjaAPI(
    title="mkterp",
    version="1",
    description=(
        "Orders, exceptions, messages, mappings and tax adjustments, for programs. "
        "See the handbook, page API (/handbook/api/)."
    ),
    auth=Bearer(),
    throttle=AuthRateThrottle("600/m"),
    docs_url=None,  # the page it would show loads scripts from elsewhere
    urls_namespace="api",
)
api.add_router("", mapping)
api.add_router("", sync)
api.add_router("", reconciliation)
answer_refusals(api)


def addresses() -> list[URLPattern | URLResolver]:
    """The API's addresses. Every one is open to strangers as a door: the token decides inside."""
    patterns: list[URLPattern | URLResolver] = api.urls[0]
    for pattern in patterns:
        assert isinstance(pattern, URLPattern)
        pattern.callback.permission = roles.PUBLIC  # type: ignore[attr-defined]
    return patterns
