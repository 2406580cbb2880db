"""Pages of the registry that need to know orders: a mapping, a pair of duplicates, tax codes."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from mapping.models import DuplicatePair, SkuMapping
from mapping.services import duplicates, rules
from mkterp.core.errors import Refused
from mkterp.core.roles import person, requires
from mkterp.core.screens import toasts, words
from mkterp.core.screens.explained import explained_by
from sync.forms.desk import JudgeForm, RemapForm, RetireForm, TaxForm
from sync.screens.mapped import DuplicatePage, MappedPage, TaxPage
from sync.services import agreement, remapping


@require_safe
@requires("mapping.view_skumapping")
@explained_by("data/mappings")
def mapped(request: HttpRequest, key: int) -> HttpResponse:
    """One mapping: both sides, its history, what was posted with it, and how to change it."""
    return _mapped(request, MappedPage(request, _mapping(key), timezone.now()))


def _mapping(key: int) -> SkuMapping:
    rows = SkuMapping.objects.select_related("listing__seller", "item", "made_by", "retired_by")
    return get_object_or_404(rows, pk=key)


def _mapped(request: HttpRequest, page: MappedPage, status: int = 200) -> HttpResponse:
    return render(request, "sync/mapped.html", {"page": page}, status=status)


@require_POST
@requires("mapping.retire_skumapping")
def remap(request: HttpRequest, key: int) -> HttpResponse:
    """The listing is another item. Asked once without `sure`, it shows what that means."""
    page = MappedPage(request, _mapping(key), timezone.now())
    form = page.remap = RemapForm(request.POST)
    if not form.is_valid():
        return _mapped(request, page, 422)
    told = form.cleaned_data
    if not told["sure"]:
        page.foresee("remap", moment=told["moment"], correct_earlier=told["correct_earlier"])
        return _mapped(request, page)
    try:
        new, reach = remapping.remap(
            mapping=page.mapping,
            item=told["item"],
            by=person(request),
            at=timezone.now(),
            reason=told["reason"],
            pack_quantity=told["pack_quantity"],
            moment=told["moment"],
            correct_earlier=told["correct_earlier"],
        )
    except Refused as refused:
        page.refused = str(refused)
        return _mapped(request, page, 422)
    toasts.say(request, toasts.Toast(f"{new.listing} is {new.item} now.{_left(reach)}"))
    return HttpResponseRedirect(reverse("sync:mapped", args=[new.pk]), status=303)


@require_POST
@requires("mapping.retire_skumapping")
def retire(request: HttpRequest, key: int) -> HttpResponse:
    """The listing is not that item any more. Without `sure` it shows what that means."""
    page = MappedPage(request, _mapping(key), timezone.now())
    form = page.retire = RetireForm(request.POST)
    if not form.is_valid():
        return _mapped(request, page, 422)
    told = form.cleaned_data
    if not told["sure"]:
        page.foresee("retire", moment=told["moment"], correct_earlier=told["correct_earlier"])
        return _mapped(request, page)
    try:
        reach = remapping.retire(
            mapping=page.mapping,
            by=person(request),
            at=timezone.now(),
            reason=told["reason"],
            moment=told["moment"],
            correct_earlier=told["correct_earlier"],
        )
    except Refused as refused:
        page.refused = str(refused)
        return _mapped(request, page, 422)
    listing = page.mapping.listing
    toasts.say(request, toasts.Toast(f"{listing} is unmapped.{_left(reach)}"))
    return HttpResponseRedirect(
        f"{reverse('sync:unmapped')}?listing={page.mapping.listing_id}", status=303
    )


def _left(reach: remapping.Reach) -> str:
    if not reach.posted:
        return " No order had gone to the ERP with it."
    many = words.things(len(reach.posted), "order", "orders")
    return f" {many} in the ERP to be corrected: see the case."


@require_POST
@requires("mapping.confirm_skumapping")
def still_right(request: HttpRequest, key: int) -> HttpResponse:
    """The two sides differ since a change, and they are the same product all the same."""
    mapping = _mapping(key)
    agreement.still_right(
        mapping=mapping,
        by=person(request),
        at=timezone.now(),
    )
    toasts.say(request, toasts.Toast(f"Kept: {mapping.listing} is {mapping.item}."))
    return HttpResponseRedirect(reverse("sync:mapped", args=[key]), status=303)


@require_safe
@requires("mapping.view_erpitem")
@explained_by("data/items")
def duplicate(request: HttpRequest, key: int) -> HttpResponse:
    """Two items that look like one product, side by side, with what hangs on each."""
    return _duplicate(request, DuplicatePage(request, _pair(key)))


def _pair(key: int) -> DuplicatePair:
    rows = DuplicatePair.objects.select_related("left", "right", "keep", "decided_by")
    return get_object_or_404(rows, pk=key)


def _duplicate(request: HttpRequest, page: DuplicatePage, status: int = 200) -> HttpResponse:
    return render(request, "sync/duplicate.html", {"page": page}, status=status)


@require_POST
@requires("mapping.confirm_skumapping")
def judge(request: HttpRequest, key: int) -> HttpResponse:
    """One product (and which to keep), two products, or open again."""
    page = DuplicatePage(request, _pair(key))
    form = JudgeForm(request.POST)
    if not form.is_valid():
        page.refused = "Choose which of the two to keep, or that they are two products."
        return _duplicate(request, page, 422)
    word, at = form.cleaned_data["judgement"], timezone.now()
    keep = {"left": page.pair.left, "right": page.pair.right}.get(word)
    try:
        if word == "open":
            duplicates.open_again(pair=page.pair, by=person(request), at=at)
        else:
            duplicates.judge(
                pair=page.pair,
                same=keep is not None,
                by=person(request),
                at=at,
                keep=keep,
                reason=form.cleaned_data["reason"],
            )
    except Refused as refused:
        page.refused = str(refused)
        return _duplicate(request, page, 422)
    said = {"open": "The pair is open again.", "different": "Kept apart: two products."}.get(
        word, f"To be merged into {keep}."
    )
    toasts.say(request, toasts.Toast(said))
    following = page.following if word != "open" else None
    where = reverse("sync:duplicate", args=[following or key])
    return HttpResponseRedirect(where, status=303)


@require_safe
@requires("mapping.view_taxcodemapping")
@explained_by("data/tax")
def unmapped_taxes(request: HttpRequest) -> HttpResponse:
    """Rates that orders carry and nobody has mapped, by the money they hold up."""
    return render(request, "sync/unmapped_taxes.html", {"page": TaxPage(request)})


@require_POST
@requires("mapping.change_taxcodemapping")
def map_tax(request: HttpRequest) -> HttpResponse:
    """This rate in this country is that ERP tax; the orders that waited for it go."""
    page = TaxPage(request, form=TaxForm(request.POST))
    form = page.form
    if not form.is_valid():
        return render(request, "sync/unmapped_taxes.html", {"page": page}, status=422)
    told = form.cleaned_data
    waiting = page.waiting(told["country"], told["marketplace_rate"])
    try:
        rules.map_tax_code(
            country=told["country"],
            marketplace_rate=told["marketplace_rate"],
            erp_code=told["erp_code"],
            erp_rate=told["erp_rate"],
            by=person(request),
            at=timezone.now(),
            reason=told["reason"],
            moment=told["moment"],
            region=told["region"],
            origin=told["origin"],
            item_class=told["item_class"],
            exemption=told["exemption"],
        )
    except Refused as refused:
        page.refused = str(refused)
        return render(request, "sync/unmapped_taxes.html", {"page": page}, status=422)
    gone = waiting - page.waiting(told["country"], told["marketplace_rate"])
    orders = f" {words.things(gone, 'order', 'orders')} released." if gone else ""
    toasts.say(request, toasts.Toast(f"Mapped to {told['erp_code']}.{orders}"))
    return HttpResponseRedirect(reverse("sync:unmapped-taxes"), status=303)
