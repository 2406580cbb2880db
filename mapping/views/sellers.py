"""What is said of a seller, looked at before it is said; and accounts."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from mapping.forms import AccountForm, AutoMapForm, DefaultForm, EndRuleForm, SellerRulesForm
from mapping.forms import ListingRuleForm as RuleForm
from mapping.models import Listing, Seller
from mapping.screens.seller_page import DefaultPage, SellerPage
from mapping.services import automatic, ownership, rules
from mapping.services.ownership import Wanted
from mkterp.core.errors import Refused
from mkterp.core.roles import person, requires
from mkterp.core.screens import toasts
from mkterp.core.screens.explained import explained_by


@require_safe
@requires("mapping.view_seller")
@explained_by("data/seller-stock")
def seller(request: HttpRequest, key: int) -> HttpResponse:
    """One seller: what holds, since when, by whom and why."""
    return _seller(request, _page(request, key))


def _page(request: HttpRequest, key: int) -> SellerPage:
    return SellerPage(request, get_object_or_404(Seller, pk=key), timezone.now())


def _seller(request: HttpRequest, page: SellerPage, status: int = 200) -> HttpResponse:
    return render(request, "mapping/seller.html", {"page": page}, status=status)


def _back(page: SellerPage) -> HttpResponse:
    return HttpResponseRedirect(reverse("mapping:seller", args=[page.seller.pk]), status=303)


# The least of the rights: the form and the service ask for each attribute's own.
@require_POST
@requires("mapping.change_sellertreatment")
def seller_rules(request: HttpRequest, key: int) -> HttpResponse:
    """Change the seller's rules. Asked without `sure`, it shows what becomes writable."""
    page = _page(request, key)
    form = page.rules = SellerRulesForm(request.user, request.POST)
    if not form.is_valid():
        return _seller(request, page, 422)
    told = form.cleaned_data
    if not told["sure"]:
        page.asked = "rules"
        if told.get("stock_owner"):
            wanted = Wanted(page.seller, told["stock_owner"])
            page.effect = ownership.preview(wanted=wanted, at=told["moment"] or page.at)
        return _seller(request, page)
    try:
        ownership.set_for_seller(
            seller=page.seller,
            changes=form.changes,
            by=person(request),
            at=page.at,
            reason=told["reason"],
            moment=told["moment"],
        )
    except Refused as refused:
        page.refused = str(refused)
        return _seller(request, page, 422)
    toasts.say(request, toasts.Toast(f"The rules of {page.seller} are set."))
    return _back(page)


@require_POST
@requires("mapping.change_ownershiprule")
def listing_rule(request: HttpRequest, key: int) -> HttpResponse:
    """Whose stock some listings of the seller are. Without `sure` it shows what changes."""
    page = _page(request, key)
    form = page.listing_rule = RuleForm(request.POST)
    if not form.is_valid():
        return _seller(request, page, 422)
    told = form.cleaned_data
    listing, value = None, told["value"]
    if told["scope"] == "listing":
        number = int(value) if value.isascii() and value.isdecimal() and len(value) < 19 else 0
        found = Listing.objects.filter(seller=page.seller, legacy_id=number).order_by("pk")
        listing, value = found.first(), ""
        if listing is None:
            form.add_error("value", "That is not a variant of this seller.")
            return _seller(request, page, 422)
    wanted = Wanted(page.seller, told["owner"], told["scope"], value, listing)
    if not told["sure"]:
        page.asked = "listing"
        page.effect = ownership.preview(wanted=wanted, at=told["moment"] or page.at)
        return _seller(request, page)
    try:
        made = ownership.set_for_listings(
            wanted=wanted,
            by=person(request),
            at=page.at,
            reason=told["reason"],
            moment=told["moment"],
        )
    except Refused as refused:
        page.refused = str(refused)
        return _seller(request, page, 422)
    toasts.say(request, toasts.Toast(f"Set: {made}, stock kept by the {made.owner}."))
    return _back(page)


@require_POST
@requires("mapping.change_ownershiprule")
def end_listing_rule(request: HttpRequest, key: int) -> HttpResponse:
    """A rule about some listings holds no more."""
    page = _page(request, key)
    form = EndRuleForm(request.POST)
    if not form.is_valid() or form.cleaned_data["rule"].seller_id != key:
        page.refused = "Say why the rule ends."
        return _seller(request, page, 422)
    rule = ownership.end_for_listings(
        rule=form.cleaned_data["rule"],
        by=person(request),
        at=page.at,
        reason=form.cleaned_data["reason"],
    )
    toasts.say(request, toasts.Toast(f"Ended: {rule}. The rule of the seller decides again."))
    return _back(page)


@require_POST
@requires("mapping.change_ownershiprule")
def auto_map(request: HttpRequest, key: int) -> HttpResponse:
    """Confirm sure suggestions of this seller without a person, or stop."""
    page = _page(request, key)
    form = page.auto = AutoMapForm(request.POST)
    if not form.is_valid():
        return _seller(request, page, 422)
    made = automatic.switch(
        seller=page.seller,
        on=form.cleaned_data["on"],
        by=person(request),
        at=page.at,
        reason=form.cleaned_data["reason"],
    )
    word = "on" if made.auto_map else "off"
    toasts.say(request, toasts.Toast(f"Automatic mapping of {page.seller} is {word}."))
    return _back(page)


@require_http_methods(["GET", "HEAD", "POST"])
@requires("mapping.change_ownershiprule")
@explained_by("data/seller-stock")
def default(request: HttpRequest) -> HttpResponse:
    """Whose stock it is at sellers of whom nobody has said anything."""
    page = DefaultPage(request, timezone.now())
    if request.method != "POST":
        return render(request, "mapping/default.html", {"page": page})
    form = page.form = DefaultForm(request.POST)
    if not form.is_valid():
        return render(request, "mapping/default.html", {"page": page}, status=422)
    if not form.cleaned_data["sure"]:
        page.asked = True
        return render(request, "mapping/default.html", {"page": page})
    ownership.set_default(
        owner=form.cleaned_data["owner"],
        by=person(request),
        at=page.at,
        reason=form.cleaned_data["reason"],
    )
    owner = form.cleaned_data["owner"]
    said = f"{owner}-managed" if owner else "not ours, never written"
    toasts.say(request, toasts.Toast(f"Sellers without a rule of their own: {said}."))
    return HttpResponseRedirect(reverse("mapping:sellers"), status=303)


@require_POST
@requires("mapping.change_taxcodemapping")
def map_account(request: HttpRequest) -> HttpResponse:
    """This role is played by that ERP account from a moment on."""
    form = AccountForm(request.POST)
    where = reverse("mapping:accounts")
    if not form.is_valid():
        words = "; ".join(
            f"{name}: {' '.join(map(str, errors))}" for name, errors in form.errors.items()
        )
        toasts.say(request, toasts.Toast(f"Nothing was mapped. {words}", "broke"))
        return HttpResponseRedirect(where, status=303)
    told = form.cleaned_data
    try:
        made = rules.map_account(
            role=told["role"],
            event=told["event"],
            erp_account=told["erp_account"],
            by=person(request),
            at=timezone.now(),
            reason=told["reason"],
            moment=told["moment"],
        )
    except Refused as refused:
        toasts.say(request, toasts.Toast(str(refused), "broke"))
        return HttpResponseRedirect(where, status=303)
    toasts.say(request, toasts.Toast(f"{made}."))
    return HttpResponseRedirect(where, status=303)
