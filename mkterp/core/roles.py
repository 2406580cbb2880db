"""Who may do what: one table of roles and permissions, and the marks that views carry.

A view says who may enter with `requires("sync.view_order")`, `signed_in` or `public`. A view that
says nothing is refused by `DoorMiddleware`. What a button asks and what its URL asks is the same
string, because both come from the same declaration (see `mkterp.core.screens`).
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme

from mkterp.core.models import User

PUBLIC = "public"  # anybody, signed in or not
SIGNED_IN = "signed in"  # any person who is signed in

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Role:
    """A set of permissions under a name that people know. `title` is what screens call it."""

    title: str
    meaning: str
    permissions: frozenset[str]


_VIEW = frozenset(
    {
        "core.view_accountingperiod",
        "reconciliation.view_completenessstatement",
        "reconciliation.view_discrepancy",
        "reconciliation.view_journal",
        "reconciliation.view_taxadjustment",
        "core.view_heartbeat",
        "mapping.view_erpitem",
        "mapping.view_fulfilmentrule",
        "mapping.view_listing",
        "mapping.view_ownershiprule",
        "mapping.view_seller",
        "mapping.view_sellertreatment",
        "mapping.view_skumapping",
        "mapping.view_taxcodemapping",
        "reconciliation.view_bankfile",
        "reconciliation.view_bankline",
        "reconciliation.view_gatewayline",
        "reconciliation.view_matchingrule",
        "reconciliation.view_residue",
        "reconciliation.view_settlemententry",
        "sync.view_carriermapping",
        "sync.view_channel",
        "sync.view_correction",
        "sync.view_erpdocument",
        "sync.view_exceptioncase",
        "sync.view_feed",
        "sync.view_inboxmessage",
        "sync.view_invoice",
        "sync.view_listingstock",
        "sync.view_notification",
        "sync.view_order",
        "sync.view_outboxmessage",
        "sync.view_preventedwrite",
        "sync.view_remittanceadvice",
        "sync.view_safetyrule",
        "sync.view_shipment",
        "sync.view_stockdrift",
        "sync.view_stockhold",
    }
)
_AUDIT = _VIEW | {
    "reconciliation.make_evidencepack",
    "core.view_auditentry",
    "sync.view_rawpayload",
}
_OPERATE = _VIEW | {
    "core.tick_check",
    "mapping.confirm_skumapping",
    "mapping.retire_skumapping",
    "sync.assign_exceptioncase",
    "sync.map_carrier",
    "sync.release_stockhold",
    "sync.retry_correction",
    "sync.retry_exceptioncase",
    "sync.retry_inboxmessage",
    "sync.retry_notification",
    "sync.retry_outboxmessage",
    "sync.run_feed",
    "sync.view_rawpayload",
}
_FINANCE = _VIEW | {
    "core.tick_check",
    "reconciliation.approve_taxadjustment",
    "reconciliation.make_evidencepack",
    "reconciliation.prepare_taxadjustment",
    "reconciliation.reverse_journal",
    "reconciliation.set_differencerule",
    "reconciliation.sign_closesignoff",
    "sync.make_latechoice",
    "core.view_auditentry",
    "mapping.change_sellertreatment",
    "mapping.change_taxcodemapping",
    "reconciliation.book_settlemententry",
    "reconciliation.make_cashmatch",
    "reconciliation.reverse_settlemententry",
    "reconciliation.run_matchrun",
    "reconciliation.set_matchingrule",
    "reconciliation.take_bankfile",
    "sync.assign_exceptioncase",
    "sync.retry_correction",
    # What an exception of theirs tells them to send again: an entry the ERP refused. It goes as it
    # was frozen and approved, so that nobody decides anything by it. The outbox is operations'.
    "sync.retry_exceptioncase",
    "sync.view_rawpayload",
}
_CONTROL = _FINANCE | {
    "sync.abandon_outboxmessage",
    "sync.dismiss_exceptioncase",
    "core.close_accountingperiod",
    "core.reopen_accountingperiod",
    "reconciliation.assign_closestep",
}
_ADMINISTER = _VIEW | {
    "core.add_user",
    "core.change_user",
    "core.tick_check",
    "core.view_auditentry",
    "core.view_user",
    "mapping.change_fulfilmentrule",
    "mapping.change_ownershiprule",
    "mapping.change_sellertreatment",
    "sync.add_channel",
    "sync.assign_exceptioncase",
    "sync.change_channel",
    "sync.change_safetyrule",
    "sync.choose_cadence",
    "sync.map_carrier",
    "sync.release_stockhold",
    "sync.retry_notification",
    "sync.run_feed",
    "sync.view_rawpayload",
}

ROLES: dict[str, Role] = {
    "viewer": Role("Viewer", "Sees the screens, changes nothing.", frozenset(_VIEW)),
    "auditor": Role("Auditor", "Sees everything, changes nothing.", frozenset(_AUDIT)),
    "operations": Role("Operations", "Maps, retries and resolves.", frozenset(_OPERATE)),
    "finance": Role(
        "Finance", "Approves what the system or another person prepared.", frozenset(_FINANCE)
    ),
    "controller": Role(
        "Controller", "Finance, and closes, reopens and dismisses.", frozenset(_CONTROL)
    ),
    "administrator": Role(
        "Administrator", "People, ownership and settings; no books.", frozenset(_ADMINISTER)
    ),
}


def sync_roles(*, strict: bool = True) -> list[str]:
    """Makes the groups equal to the table; returns the permissions the database does not have.

    With `strict` a permission that does not exist raises LookupError and nothing is changed;
    without it (while migrations are being applied) it is left out. A second run changes nothing.
    """
    known = {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in Permission.objects.select_related("content_type").order_by("pk")
    }
    wanted = {name for role in ROLES.values() for name in role.permissions}
    missing = sorted(wanted - known.keys())
    if missing and strict:
        raise LookupError(f"No such permission: {', '.join(missing)}")
    with transaction.atomic():
        for name, role in ROLES.items():
            group, _ = Group.objects.get_or_create(name=name)
            group.permissions.set(known[p] for p in role.permissions if p in known)
    return missing


def roles_of(user: Any) -> list[Role]:
    """The roles a person holds, in the order of the table. One query, the first time.

    Remembered with the person, as Django remembers permissions.
    """
    names: set[str] | None = getattr(user, "_role_names", None)
    if names is None:
        names = user._role_names = set(user.groups.values_list("name", flat=True))
    return [role for name, role in ROLES.items() if name in names]


# -- The marks on views ---------------------------------------------------------------------------


def permission_of(view: Callable[..., Any]) -> str | None:
    """What the view declares: a permission, PUBLIC, SIGNED_IN, or None when it declares nothing."""
    declared = getattr(view, "permission", None)
    if declared is None:
        declared = getattr(getattr(view, "view_class", None), "permission", None)
    return declared


def before_second_factor(view: Callable[..., Any]) -> bool:
    """Whether a person may come here who still has to set up a second factor."""
    seen = (view, getattr(view, "view_class", None))
    return any(getattr(one, "before_second_factor", False) for one in seen)


def refusal(request: HttpRequest, permission: str) -> HttpResponseBase | None:
    """None when the person may enter; a redirect to sign-in for a stranger.

    Raises PermissionDenied for somebody who is signed in and lacks the permission.
    """
    if permission == PUBLIC:
        return None
    if not request.user.is_authenticated:
        back = request.get_full_path() if request.method in ("GET", "HEAD") else "/"
        return HttpResponseRedirect(sign_in_address(back))
    if permission == SIGNED_IN or request.user.has_perm(permission):
        return None
    raise PermissionDenied(permission)


def requires(permission: str) -> Callable[[View], View]:
    """Marks a view with the permission it needs, and refuses whoever lacks it."""

    def mark(view: View) -> View:
        @functools.wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            return refusal(request, permission) or view(request, *args, **kwargs)

        guarded.permission = permission  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value]

    return mark


def person(request: HttpRequest) -> User:
    """Who is asking, behind a door that lets in nobody who is not signed in."""
    assert isinstance(request.user, User)
    return request.user


signed_in = requires(SIGNED_IN)
public = requires(PUBLIC)


def sign_in_address(back: str) -> str:
    """The sign-in page, told where to go afterwards."""
    return f"{resolve_url(settings.LOGIN_URL)}?next={quote(back)}"


def local_path(address: str, request: HttpRequest) -> str:
    """Path and query of an address on this site; "" when it leads elsewhere or is not one."""
    if not url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        return ""
    parts = urlsplit(address)
    path = parts.path or "/"
    return f"{path}?{parts.query}" if parts.query else path
