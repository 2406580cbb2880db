"""What every request passes: an id, the content policy, the way to sign-in, local time, doors."""

import functools
import logging
import re
import uuid
import zoneinfo
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.template.loader import get_template
from django.utils import timezone
from django.utils.cache import add_never_cache_headers

from mkterp.core import roles
from mkterp.core.access import second_factor
from mkterp.core.requestid import request_id as request_id_of

logger = logging.getLogger(__name__)
GetResponse = Callable[[HttpRequest], HttpResponseBase]

# Everything comes from ourselves; nothing inline runs. `data:` is for the small marks that the
# stylesheets draw (the tick in a checkbox, the arrow of a select).
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


class RequestIdMiddleware:
    """Takes X-Request-ID from a proxy when it is a plain token, else makes one; answers with it."""

    plain = re.compile(r"[A-Za-z0-9._-]{8,80}")

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("X-Request-ID", "")
        # A caller's text goes into our log lines, so only a plain token is taken over.
        request_id = given if self.plain.fullmatch(given) else uuid.uuid4().hex
        token = request_id_of.set(request_id)
        try:
            response = self.get_response(request)
        finally:
            request_id_of.reset(token)
        response["X-Request-ID"] = request_id
        return response


class ContentSecurityPolicyMiddleware:
    """Sets the one content policy on every answer that has not set its own."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        return response


class HtmxLoginMiddleware:
    """When the session has died, tells htmx to move the whole page to sign-in.

    Without it the sign-in page would be swapped into a table: htmx follows redirects by itself.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not (
            request.headers.get("HX-Request") == "true"
            and isinstance(response, HttpResponseRedirect)
            and response.url.split("?")[0] == resolve_url(settings.LOGIN_URL)
        ):
            return response
        # Come back to the page the person was looking at, not to the fragment's address.
        current = request.headers.get("HX-Current-URL", "")
        back = roles.local_path(current, request) or "/"
        moved = HttpResponse(status=204)
        moved["HX-Redirect"] = roles.sign_in_address(back)
        return moved


class DatabaseAwayMiddleware:
    """Answers 503 when the database is away, or let somebody else go first (a deadlock).

    Both pass: the page says to look and do it again, and Marketplacer, whose webhook it may be,
    sends it again. A deadlock is two of us locking crosswise all the same: its trace is in the log,
    and the fault campaign counts it.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, OperationalError | InterfaceError):
            return None
        logger.warning("the database did not answer: %s", error, exc_info=error)
        # "Try again" is a link, and no link does a deed again. The page asks the database nothing.
        again = {"request": request} if request.method in ("GET", "HEAD") else {}
        page = get_template("503.html").render(again)
        return HttpResponse(page, status=503, headers={"Retry-After": "5"})


class NoStoreMiddleware:
    """Keeps pages with data out of every cache, the browser's back button included."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.user.is_authenticated and "Cache-Control" not in response:
            add_never_cache_headers(response)
        return response


@functools.lru_cache
def _zone(name: str) -> zoneinfo.ZoneInfo:
    # Looking through all zone names costs milliseconds; asking for one does not.
    try:
        return zoneinfo.ZoneInfo(name) if name else settings.COMPANY_TIME_ZONE
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return settings.COMPANY_TIME_ZONE


class LocalTimeMiddleware:
    """Shows times in the person's own zone, else in the company's."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with timezone.override(_zone(getattr(request.user, "time_zone", ""))):
            return self.get_response(request)


class DoorMiddleware:
    """Refuses every view that does not say who may enter (see `roles.requires`).

    A new view cannot forget its permission: without one nobody gets in.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self,
        request: HttpRequest,
        view: Callable[..., HttpResponseBase],
        args: tuple[object, ...],
        kwargs: dict[str, object],
    ) -> HttpResponseBase | None:
        permission = roles.permission_of(view)
        if permission is None:
            raise PermissionDenied("This view declares no permission, so nobody may open it.")
        return roles.refusal(request, permission) or _second_factor_first(request, view)


def _second_factor_first(
    request: HttpRequest, view: Callable[..., HttpResponseBase]
) -> HttpResponseBase | None:
    """Whoever must have a second factor and has none sets it up before anything else."""
    if not settings.SECOND_FACTOR_ROLES or not request.user.is_authenticated:
        return None
    if roles.permission_of(view) == roles.PUBLIC or roles.before_second_factor(view):
        return None
    if second_factor.is_missing(request):
        return HttpResponseRedirect(resolve_url("mfa_activate_totp"))
    return None
