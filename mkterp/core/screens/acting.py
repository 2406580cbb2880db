"""What happens when a button is pressed: choose the rows, ask if need be, do it, say so."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import Resolver404, resolve
from django.utils import timezone
from django.views.decorators.http import require_POST

from mkterp.core import roles
from mkterp.core.errors import Refused
from mkterp.core.screens import serve, toasts, words
from mkterp.core.screens.actions import Action, Outcome, perform
from mkterp.core.screens.serve import View, wants_fragment
from mkterp.core.screens.state import ListState

if TYPE_CHECKING:
    from mkterp.core.screens.lists import ListScreen

LONGEST_REASON = 2000


def act(screen: "ListScreen", action: Action) -> View:
    """POST: `one` is a row's key, or `pk` the ticked ones, or `all=1` everything the list shows."""

    @require_POST
    @roles.requires(action.permission)
    def view(request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm(screen.permission):
            raise PermissionDenied(screen.permission)
        try:
            rows = chosen(screen, action, request)
        except Refused as refused:
            return _answer(screen, action, request, Outcome(sentence=str(refused)))
        reason, asked = "", {}
        if action.asks:
            reason = request.POST.get("reason", "").strip()[:LONGEST_REASON]
            confirmed = bool(request.POST.get("confirmed"))
            form = action.form(request.POST if confirmed else None) if action.form else None
            wrong = (action.needs_reason and not reason) or (form and not form.is_valid())
            if not confirmed or wrong:
                return _ask(screen, action, request, rows, form, again=confirmed)
            asked = form.cleaned_data if form else {}
        at = timezone.now()
        outcome = perform(action, rows, by=request.user, at=at, reason=reason, asked=asked)
        return _answer(screen, action, request, outcome)

    return view


def chosen(screen: "ListScreen", action: Action, request: HttpRequest) -> list[Any]:
    """The rows meant by the request, among those the person may see. Raises Refused, Http404."""
    if one := request.POST.get("one", ""):
        row = serve.find(screen, request, one)
        if row is None:
            raise Http404(f"There is no {screen.noun} {one}, or it is not yours to see.")
        return [row]
    if request.POST.get("all"):
        return _all_like_these(screen, request)
    keys = list(dict.fromkeys(request.POST.getlist("pk")))
    if not keys:
        raise Refused(f"Nothing is selected. Tick at least one {screen.noun} first.")
    _refuse_too_many(screen, len(keys))
    try:
        rows = list(screen.rows(request).filter(**{f"{screen.key}__in": keys}).order_by("pk"))
    except (ValueError, ValidationError):
        raise Http404("Not the keys of this list.") from None
    if not rows:
        raise Refused(f"None of the selected {screen.nouns} is here any more. Look again.")
    return rows


def _all_like_these(screen: "ListScreen", request: HttpRequest) -> list[Any]:
    path, query = serve.origin(request)
    # A confirmation carries the list's own address, whatever page asked it.
    state = ListState(screen, request, query if path == screen.url() else QueryDict())
    if path != screen.url() or not state.valid:
        raise Refused(f"The list these {screen.nouns} came from is gone. Open it again.")
    _refuse_too_many(screen, state.count)
    rows = list(state.rows.order_by("pk"))
    expected = request.POST.get("expect", "")
    # Somebody agreed to a number. If it has changed, they agree again.
    if expected != str(len(rows)):
        raise Refused(
            f"The list has changed: it now has {words.things(len(rows), screen.noun, screen.nouns)}"
            f", not {expected or 'what you saw'}. Nothing was done; look again."
        )
    return rows


def _refuse_too_many(screen: "ListScreen", count: int) -> None:
    if count > screen.bulk_limit:
        raise Refused(
            f"That is {words.things(count, screen.noun, screen.nouns)}; at most "
            f"{screen.bulk_limit:,} can be done at once. Narrow the filters and go in parts."
        )


def _ask(
    screen: "ListScreen",
    action: Action,
    request: HttpRequest,
    rows: Sequence[Any],
    form: forms.Form | None,
    *,
    again: bool,
) -> HttpResponse:
    """The question before the deed: what will happen to how many, and why (when that is asked)."""
    path, query = serve.origin(request)
    eligible = sum(1 for row in rows if action.condition(row))
    kept = [(n, v) for n in ("one", "pk", "all", "expect") for v in request.POST.getlist(n)]
    context = {
        "screen": screen,
        "action": action,
        "action_url": screen.url(action.name),
        "question": action.question(eligible, screen.noun, screen.nouns),
        "weight": screen.weigh(request, action, rows),
        "preview": _preview(screen, action, request, rows),
        "left_out": len(rows) - eligible,
        "things": words.things(eligible, screen.noun, screen.nouns) if len(rows) > 1 else "",
        "subject": screen.row_title(rows[0]) if len(rows) == 1 else "",
        "kept": kept,
        "back": f"{path}?{query.urlencode()}" if query else path or screen.url(),
        "form": form,
        "missing": again and action.needs_reason and not request.POST.get("reason", "").strip(),
        "on_list": path == screen.url(),
    }
    status = 422 if again else 200
    if not wants_fragment(request):
        return render(request, "core/confirm.html", context, status=status)
    response = render(request, "core/_confirm.html", context, status=status)
    response["HX-Retarget"] = "#dialog"
    response["HX-Reswap"] = "innerHTML"
    response["HX-Reselect"] = "#confirm"
    return response


def _preview(
    screen: "ListScreen", action: Action, request: HttpRequest, rows: Sequence[Any]
) -> dict[str, Any] | None:
    if not screen.preview_template:
        return None
    eligible = [row for row in rows if action.condition(row)]
    return screen.preview_context(request, action, eligible)


def _answer(
    screen: "ListScreen", action: Action, request: HttpRequest, outcome: Outcome
) -> HttpResponse:
    """Says what was done; shows each refusal beside its row, or above all when it has none."""
    path, query = serve.origin(request)
    status = 422 if (outcome.refused or outcome.sentence) and not outcome.done else 200
    if outcome.done:
        toasts.say(request, _toast(screen, action, outcome))
    if path == screen.url():
        return _on_list(screen, request, query, outcome, status)
    refused = outcome.sentence or next(iter(outcome.refused.values()), "")
    row = _row_of_page(screen, request, path)
    if row is not None and refused:
        return serve.detail_answer(screen, request, row, outcome, status)
    if refused:
        toasts.say(request, toasts.Toast(refused, "broke"))
    # htmx follows the redirect and picks what it needs from the page it finds there.
    back = f"{path}?{query.urlencode()}" if query else path
    return HttpResponseRedirect(back or screen.url(), status=303)


def _on_list(
    screen: "ListScreen", request: HttpRequest, query: QueryDict, outcome: Outcome, status: int
) -> HttpResponse:
    state = ListState(screen, request, query)
    if not wants_fragment(request) and not outcome.refused and not outcome.sentence:
        return HttpResponseRedirect(state.here(), status=303)
    shown = {str(row.pk) for row in state.page.rows}
    unseen = [sentence for key, sentence in outcome.refused.items() if key not in shown]
    if unseen and not outcome.sentence:
        more = f" ({len(unseen)} in all)" if len(unseen) > 1 else ""
        outcome.sentence = f"{unseen[0]}{more}"
    return serve.list_answer(request, state, outcome, status)


def _row_of_page(screen: "ListScreen", request: HttpRequest, path: str) -> Any:
    """The row whose page the person is on, or None when it is another page."""
    try:
        match = resolve(path) if path else None
    except Resolver404:
        return None
    wanted = f"{screen.room}:{screen.noun_name}" if screen.room else screen.noun_name
    if match is None or match.view_name != wanted or not screen.detail_template:
        return None
    return serve.find(screen, request, match.kwargs.get("key"))


def _toast(screen: "ListScreen", action: Action, outcome: Outcome) -> toasts.Toast:
    text = action.sentence(outcome.results, screen.noun, screen.nouns)
    if outcome.refused:
        left = words.things(len(outcome.refused), screen.noun, screen.nouns)
        text = f"{text} {left} refused."
    if outcome.left:
        left = words.things(len(outcome.left), screen.noun, screen.nouns)
        text = f"{text} {left} left alone. {action.unmet}"
    undo = screen.action_named(action.undo) if action.undo else None
    keys = [screen.key_of(row) for row in outcome.done]
    return toasts.Toast(text, "done", screen.url(undo.name) if undo else "", keys if undo else [])
