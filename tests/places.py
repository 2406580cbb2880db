"""Every page of the product: its address, a row behind it, and who can open it.

`main`, run by `manage.py shell` in the environment of a running product, speaks of that product: it
prints for each kind of visitor a session and the pages that it opens.
"""

import json
import sys
from datetime import datetime
from typing import Any

from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mapping.models import DuplicatePair, ImportedFile, Listing, Seller, SkuMapping
from mkterp.core import audit, roles
from mkterp.core.models import AccountingPeriod, ApiToken, AuditEntry, KeptView, User
from mkterp.core.screens.doors import Door, doors
from reconciliation.models import (
    BankFile,
    BankLine,
    BankUpload,
    Discrepancy,
    Journal,
    JournalLine,
    Residue,
    SettlementEntry,
    TaxAdjustment,
)
from sync.models import (
    AccountLine,
    CarrierMapping,
    Channel,
    Correction,
    ExceptionCase,
    InboxMessage,
    Invoice,
    ListingStock,
    Notification,
    OutboxMessage,
    RemittanceAdvice,
    Shipment,
    StockHold,
)
from sync.services import inbox
from tests.factories import (
    make_catalogue_read,
    make_item,
    make_listing,
    make_mapping,
    make_tax_codes,
)
from tests.payloads import invoice_node, line_node

# The model behind the `key` of an address, by the noun in the address's name.
MODELS = {
    "sync:order": Invoice,
    "sync:exception": ExceptionCase,
    "sync:inbox-message": InboxMessage,
    "sync:outbox-message": OutboxMessage,
    "sync:stock-level": ListingStock,
    "sync:hold": StockHold,
    **dict.fromkeys(
        ("sync:mapped", "sync:mapped-remap", "sync:mapped-retire", "sync:mapped-still-right"),
        SkuMapping,
    ),
    **dict.fromkeys(("sync:duplicate", "sync:duplicate-judge"), DuplicatePair),
    **dict.fromkeys(
        (
            "mapping:seller",
            "mapping:seller-rules",
            "mapping:seller-listing-rule",
            "mapping:seller-rule-end",
            "mapping:seller-auto-map",
        ),
        Seller,
    ),
    **dict.fromkeys(
        ("mapping:import", "mapping:import-apply", "mapping:import-drop"), ImportedFile
    ),
    "sync:shipment": Shipment,
    **dict.fromkeys(
        (
            "reconciliation:advice",
            "reconciliation:advice-match",
            "reconciliation:advice-unmatch",
        ),
        RemittanceAdvice,
    ),
    **dict.fromkeys(("reconciliation:bank-upload", "reconciliation:bank-upload-take"), BankUpload),
    "reconciliation:residue": Residue,
    "reconciliation:bank-line": BankLine,
    "reconciliation:entry": SettlementEntry,
    "reconciliation:adjustment": TaxAdjustment,
    "reconciliation:journal": Journal,
    "reconciliation:line": AccountLine,
    "reconciliation:difference": Discrepancy,
    **dict.fromkeys(
        (
            "reconciliation:close-period",
            "reconciliation:close-sign",
            "reconciliation:close-close",
            "reconciliation:close-reopen",
            "reconciliation:close-assign",
            "reconciliation:evidence",
        ),
        AccountingPeriod,
    ),
    "reconciliation:late-next": Invoice,
    "sync:carrier": CarrierMapping,
    "sync:notification": Notification,
    **dict.fromkeys(("sync:channel", "sync:channel-change"), Channel),
    "sync:refund": Correction,
    "token-revoke": ApiToken,
    "audit-entry": AuditEntry,
    "view-remove": KeptView,
    "api:order": Invoice,
    "api:exception": ExceptionCase,
    "api:adjustment": TaxAdjustment,
    "api:retry_message": OutboxMessage,
    **dict.fromkeys(("access:person", "access:person-roles", "access:person-invite"), User),
}

OTHER_ARGUMENTS = {
    ("uidb64", "token"): {"uidb64": "MQ", "token": "none"},
    ("provider_id",): {"provider_id": "company"},
    ("slug",): {"slug": "data/orders"},
}


def address(door: Door) -> str:
    """The door's address; a new kind of row must be named in MODELS."""
    if not door.arguments:
        return reverse(door.name)
    if door.arguments == ("sku",):
        return reverse(door.name, kwargs={"sku": Listing.objects.order_by("pk").first().sku})
    if door.arguments in OTHER_ARGUMENTS:
        return reverse(door.name, kwargs=OTHER_ARGUMENTS[door.arguments])
    assert door.arguments == ("key",), f"{door.route}: tell this test what its arguments are"
    model = MODELS[door.name.removesuffix("-panel")]
    return reverse(door.name, kwargs={"key": model.objects.order_by("pk").first().pk})


def fill(*, at: datetime) -> None:
    """One row of everything that an address can name, where there is none yet."""
    mapping = SkuMapping.objects.order_by("pk").first() or _registry()
    if not Invoice.objects.exists():
        _orders(mapping.listing, at)
    seller, invoice = mapping.listing.seller, Invoice.objects.order_by("pk").first()
    hold = StockHold.objects.first() or StockHold.objects.create(
        kind="ZEROS", opened_at=at, listings=1, units=3
    )
    person = User.objects.order_by("pk").first() or User.objects.create(username="program")
    month = {"start": at.date().replace(day=1), "end": at.date()}
    for model, facts in (
        (
            Shipment,
            {"origin": "PORTAL", "marketplacer_id": "s-1", "invoice": invoice}
            | {"dispatched_at": at, "made_at": at},
        ),
        (Channel, {"name": "Ops room", "kind": "SLACK", "address_name": "NOTIFY_OPS_URL"}),
        (Notification, {"person": person, "rhythm": "IMMEDIATE", "opened_at": at, "due_at": at}),
        (CarrierMapping, {"key": "dpd", "erp_name": "DPD", "seen_at": at}),
        (
            Correction,
            {"key": "r-1", "kind": "REFUND", "reference": "RF-1", "invoice": invoice}
            | {"amount_minor": 1, "currency": "GBP", "heard_at": at},
        ),
        (
            ListingStock,
            {"listing": mapping.listing, "item": mapping.item, "changed_at": at, "hold": hold},
        ),
        (ApiToken, {"person": person, "name": "a", "digest": "0" * 64, "made_at": at}
         | {"expires_at": at}),
        (ImportedFile, {"kind": "stock-rules", "name": "a.csv", "state": "CHECKED"}
         | {"checked_at": at}),
        (AccountingPeriod, {"name": "a month", "due_date": at.date(), **month}),
        (BankUpload, {"name": "c.csv", "body": b"Date,Amount\n2026-11-01,1.00\n"}
         | {"uploaded_by": person, "uploaded_at": at}),
    ):  # fmt: skip
        if not model.objects.exists():
            model.objects.create(**facts)
    if not KeptView.objects.exists():
        KeptView.objects.create(person=person, list="sync:orders", name="a view", kept_at=at)
    if not AuditEntry.objects.exists():
        audit.record(action="an_action", subject=person, by=person, at=at, after={"a": "value"})
    if not DuplicatePair.objects.exists():
        left, right = sorted((make_item(), make_item()), key=lambda item: item.pk)
        DuplicatePair.objects.create(left=left, right=right, found_at=at)
    _settlement(seller, invoice, at)
    _books(invoice, person, at)


def _registry() -> SkuMapping:
    make_catalogue_read()
    make_tax_codes()
    return make_mapping(listing=make_listing())


def _orders(mapped: Listing, at: datetime) -> None:
    """An order that goes on, and one that waits for a mapping."""
    seller = mapped.seller
    for number, listing in ((1, mapped), (2, make_listing(seller=seller))):
        node = invoice_node(number, seller=seller, lines=[line_node(number, listing=listing)])
        inbox.receive_nodes(nodes=[node], at=at)
    inbox.process(clock=lambda: at)


def _books(invoice: Invoice, person: User, at: datetime) -> None:
    day = at.date()
    if not Discrepancy.objects.exists():
        figures = dict.fromkeys(
            ("gross_minor", "tax_minor", "theirs_gross_minor", "theirs_tax_minor",
             "ours_gross_minor", "ours_tax_minor"), 1,
        )  # fmt: skip
        Discrepancy.objects.create(
            invoice=invoice, cause="RATE", sentence="a rate", day=day, currency="GBP",
            allowed=False, found_at=at, **figures,
        )  # fmt: skip
    if not TaxAdjustment.objects.exists():
        TaxAdjustment.objects.create(
            kind="TAX", invoice=invoice, day=day, currency="GBP", account="2.2.3", rule="up to 1",
            clearing_account="4.1.9", amount_minor=1, theirs_minor=1, ours_minor=2, prepared_at=at,
        )  # fmt: skip
    if not Journal.objects.exists():
        _journal(at, person)
    if not AccountLine.objects.exists():
        AccountLine.objects.create(
            erp_ref="1", move_ref="JE-1", posting_date=day, account="4.1.9",
            debit=0, credit=1, read_at=at,
        )  # fmt: skip


@transaction.atomic  # one that does not balance is refused at the end of its transaction
def _journal(at: datetime, person: User) -> None:
    day = at.date()
    journal = Journal.objects.create(
        key="tax:1", day=day, posting_date=day, currency="GBP", account="2.2.3",
        clearing_account="4.1.9", memo="tax of the day",
        approved_at=at, approved_by=person,
    )  # fmt: skip
    for position, (account, debit, credit) in enumerate((("2.2.3", 1, 0), ("4.1.9", 0, 1)), 1):
        JournalLine.objects.create(
            journal=journal, position=position, account=account, debit=debit, credit=credit
        )


def _settlement(seller: Seller, invoice: Invoice, at: datetime) -> None:
    day = at.date()
    advice = RemittanceAdvice.objects.first() or RemittanceAdvice.objects.create(
        marketplacer_id="a-1", legacy_id=1, seller=seller, currency="GBP", total_minor=5,
        issued_at=at, issued_date=day, touched_at=at, source=InboxMessage.objects.first(),
    )  # fmt: skip
    line = BankLine.objects.first()
    if line is None:
        file = BankFile.objects.create(
            kind="CSV", name="b.csv", sha256="0", account="bank", lines_read=1, lines_new=1,
            taken_at=at,
        )  # fmt: skip
        line = BankLine.objects.create(
            file=file, account="bank", identity="1", booked_date=day, amount_minor=-5,
            currency="GBP",
        )  # fmt: skip
    if not Residue.objects.exists():
        Residue.objects.create(
            key="r", level="BANK", cause="NOT_PAID", seller=seller, day=day, currency="GBP",
            amount_minor=-5, sentence="The bank paid less than the advice.",
            advice=advice, found_at=at,
        )  # fmt: skip
    if not SettlementEntry.objects.exists():
        SettlementEntry.objects.create(
            key="e", event="PAID", posting_date=day, currency="GBP", memo="paid", lines=[],
            debit_minor=5, credit_minor=5, advice=advice, bank_line=line, prepared_at=at,
            posting=OutboxMessage.objects.order_by("pk").first(),
        )  # fmt: skip


# -- who opens what -----------------------------------------------------------------------------

PASSWORD = "a long enough password"
# The API's own start says 404; single sign-on, which is off here, refuses at once.
NOT_SHOWN = {
    "api:api-root",
    "openid_connect_callback",
    "openid_connect_login",
    "socialaccount_signup",
}


def visitors(*, at: datetime) -> dict[str, Client]:
    """A stranger, a person with every role, one with a second factor, one halfway in."""
    roles.sync_roles()
    clients = {}
    for name in ("everybody", "guarded"):
        person, _ = User.objects.get_or_create(username=name)
        person.set_password(PASSWORD)
        person.save()
        person.groups.set(Group.objects.all())
        clients[name] = Client()
        clients[name].force_login(person)
        clients[name].post(reverse("account_reauthenticate"), {"password": PASSWORD})
    if not is_mfa_enabled(person):
        TOTP.activate(person, generate_totp_secret())
        RecoveryCodes.activate(person)
    clients["halfway"] = Client()
    clients["halfway"].post(reverse("login"), {"login": "guarded", "password": PASSWORD})
    return {"stranger": Client()} | clients


def pages(clients: dict[str, Client]) -> tuple[dict[str, dict[str, str]], set[str]]:
    """By visitor the pages that no visitor before could open, by name; and what nobody opens.

    A door that refuses a GET or answers it with a file, a figure or a fragment is no page. A
    panel is seen on its list, with its row open.
    """
    found: dict[str, dict[str, str]] = {}
    left = {door.name: door for door in doors()}
    for visitor, client in clients.items():
        found[visitor] = {}
        for name, door in list(left.items()):
            if name.endswith(("-export", "-workbook")) or "/do/" in door.route:
                left.pop(name)  # what every list has besides its page: files, and its deeds
                continue
            if visitor == "stranger" and door.permission != roles.PUBLIC:
                continue
            url = address(door)
            answer: Any = client.get(url)
            if name.endswith("-panel") and answer.status_code == 302:
                url = answer.url
                answer = client.get(url)
            kind = answer.headers.get("Content-Type", "").partition(";")[0]
            whole = kind == "text/html" and b"<html" in answer.content
            if (
                answer.status_code == 405
                or (answer.status_code < 300 and not whole)
                or (kind == "application/json")
            ):
                left.pop(name)
            elif whole and answer.status_code in (200, 401, 403):
                left.pop(name)
                found[visitor][name] = url
    return found, set(left) - NOT_SHOWN


def main() -> None:
    settings.ALLOWED_HOSTS = ["*"]
    at = timezone.now()
    fill(at=at)
    clients = visitors(at=at)
    found, unseen = pages(clients)
    told = {
        name: {
            "pages": found[name],
            "session": client.cookies["sessionid"].value if "sessionid" in client.cookies else "",
        }
        for name, client in clients.items()
    }
    sys.stdout.write(json.dumps({"visitors": told, "unseen": sorted(unseen)}) + "\n")
