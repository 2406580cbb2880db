"""The answers of a ListScreen: list, panel, page. Actions and export have files of their own."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from mkterp.core import roles
from mkterp.core.screens.actions import Outcome
from mkterp.core.screens.draw import ListPage, RowPage
from mkterp.core.screens.state import ListState

if TYPE_CHECKING:
    from mkterp.core.screens.lists import ListScreen

View = Callable[..., HttpResponseBase]


def wants_fragment(request: HttpRequest) -> bool:
    """Whether htmx asks for a piece of the page; going back in history wants all of it."""
    return (
        request.headers.get("HX-Request") == "true"
        and request.headers.get("HX-History-Restore-Request") != "true"
    )


def show_list(screen: "ListScreen") -> View:
    @require_safe
    @roles.requires(screen.permission)
    def view(request: HttpRequest) -> HttpResponse:
        state = ListState(screen, request, request.GET)
        response = list_answer(request, state)
        if wants_fragment(request):
            response["HX-Push-Url"] = state.here()
        return response

    return view


def list_answer(
    request: HttpRequest, state: ListState, outcome: Outcome | None = None, status: int = 200
) -> HttpResponse:
    """The list: whole, or for htmx the fragment that the whole includes, with panel and toasts."""
    page = ListPage(state, outcome or Outcome())
    panel = None
    if state.open and state.screen.panel_template:
        row = find(state.screen, request, state.open)
        if row is not None:
            panel = RowPage(state.screen, request, row, state.here(open=None), page.outcome)
    context = {"page": page, "panel": panel, "screen": state.screen, "acted": outcome is not None}
    if panel is not None:
        context |= state.screen.panel_context(request, panel.row) | {"row": panel.row}
    template = "core/_swap.html" if wants_fragment(request) else "core/list.html"
    response = render(request, template, context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


def show_filter(screen: "ListScreen") -> View:
    """The form of a list's filters: for htmx alone, else as a page of its own."""

    @require_safe
    @roles.requires(screen.permission)
    def view(request: HttpRequest) -> HttpResponse:
        page, whole = ListPage(ListState(screen, request, request.GET)), not wants_fragment(request)
        template = "core/filter.html" if whole else "core/_filter_form.html"
        response = render(request, template, {"page": page, "screen": screen, "whole": whole})
        patch_vary_headers(response, ["HX-Request"])
        return response

    return view


def show_panel(screen: "ListScreen") -> View:
    @require_safe
    @roles.requires(screen.permission)
    def view(request: HttpRequest, key: Any) -> HttpResponse:
        row = find_or_404(screen, request, key)
        path, query = origin(request)
        on_list = path == screen.url()
        state = ListState(screen, request, query if on_list else QueryDict())
        if on_list:
            state.after, state.before = query.get("after", ""), query.get("before", "")
        if not wants_fragment(request):
            return HttpResponseRedirect(state.here(open=str(key)))
        panel = RowPage(screen, request, row, state.here(open=None))
        context = {"panel": panel, "screen": screen, "row": row}
        context |= screen.panel_context(request, row)
        response = render(request, "core/_panel.html", context)
        # A panel that only asks again must not fill the history.
        if on_list and state.open != str(key):
            response["HX-Push-Url"] = state.here(open=str(key))
        patch_vary_headers(response, ["HX-Request"])
        return response

    return view


def show_detail(screen: "ListScreen") -> View:
    @require_safe
    @roles.requires(screen.permission)
    def view(request: HttpRequest, key: Any) -> HttpResponse:
        return detail_answer(screen, request, find_or_404(screen, request, key))

    return view


def detail_answer(
    screen: "ListScreen",
    request: HttpRequest,
    row: Any,
    outcome: Outcome | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page of one row."""
    page = RowPage(screen, request, row, screen.url(), outcome or Outcome())
    context = {"page": page, "screen": screen, "row": row} | screen.detail_context(request, row)
    return render(request, screen.detail_template, context, status=status)


def origin(request: HttpRequest) -> tuple[str, QueryDict]:
    """Path and query of the page the person is on: htmx says it, a plain form carries it."""
    address = request.headers.get("HX-Current-URL") or request.POST.get("next", "")
    parts = urlsplit(roles.local_path(address, request))
    return parts.path, QueryDict(parts.query)


def find(screen: "ListScreen", request: HttpRequest, key: Any) -> Any:
    """The row with this key among those the person may see, or None."""
    try:
        return screen.rows(request).filter(**{screen.key: key}).first()
    except (ValueError, ValidationError):
        return None  # not a key of this model: "open=abc"


def find_or_404(screen: "ListScreen", request: HttpRequest, key: Any) -> Any:
    row = find(screen, request, key)
    if row is None:
        raise Http404(f"There is no {screen.noun} {key}, or it is not yours to see.")
    return row
