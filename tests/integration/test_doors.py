"""One guard for all doors: strangers sign in first, the wrong role is refused, the right served."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from mapping.models import DuplicatePair, ImportedFile, Listing, Seller, SkuMapping
from mkterp.core import roles
from mkterp.core.models import AccountingPeriod, ApiToken, KeptView, User
from mkterp.core.screens.doors import doors
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
    Correction,
    ExceptionCase,
    InboxMessage,
    Invoice,
    ListingStock,
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
    make_seller,
    make_tax_codes,
)
from tests.payloads import invoice_node, line_node

pytestmark = pytest.mark.django_db

DOORS = doors()
NAMED = [door.name for door in DOORS]
GUARDED = [door for door in DOORS if door.permission not in (roles.PUBLIC, roles.SIGNED_IN)]


@pytest.fixture
def rows(at):
    """One row of everything that an address can name."""
    make_catalogue_read()
    make_tax_codes()
    seller = make_seller()
    mapped = make_listing(seller=seller)
    make_mapping(listing=mapped)
    for number, listing in ((1, mapped), (2, make_listing(seller=seller))):
        node = invoice_node(number, seller=seller, lines=[line_node(number, listing=listing)])
        inbox.receive_nodes(nodes=[node], at=at)
    inbox.process(clock=lambda: at)
    invoice = Invoice.objects.order_by("pk").first()
    Shipment.objects.create(
        origin="PORTAL", marketplacer_id="s-1", invoice=invoice, dispatched_at=at, made_at=at
    )
    CarrierMapping.objects.create(key="dpd", erp_name="DPD", seen_at=at)
    Correction.objects.create(
        key="r-1", kind="REFUND", reference="RF-1", invoice=invoice, amount_minor=1,
        currency="GBP", heard_at=at,
    )  # fmt: skip
    hold = StockHold.objects.create(kind="ZEROS", opened_at=at, listings=1, units=3)
    ListingStock.objects.create(
        listing=mapped, item=mapped.mappings.get().item, changed_at=at, hold=hold
    )
    made_settlement(seller=seller, invoice=invoice, at=at)
    made_books(invoice=invoice, at=at)
    pair = sorted((make_item(), make_item()), key=lambda item: item.pk)
    DuplicatePair.objects.create(left=pair[0], right=pair[1], found_at=at)
    owner = User.objects.create(username="program")
    ApiToken.objects.create(person=owner, name="a", digest="0" * 64, made_at=at, expires_at=at)
    KeptView.objects.create(person=owner, list="sync:orders", name="a view", kept_at=at)
    ImportedFile.objects.create(kind="stock-rules", name="a.csv", state="CHECKED", checked_at=at)


def made_books(*, invoice, at):
    month = {"start": at.date().replace(day=1), "end": at.date()}
    AccountingPeriod.objects.create(name="a month", due_date=at.date(), **month)
    figures = dict.fromkeys(
        ("gross_minor", "tax_minor", "theirs_gross_minor", "theirs_tax_minor", "ours_gross_minor",
         "ours_tax_minor"), 1,
    )  # fmt: skip
    Discrepancy.objects.create(
        invoice=invoice, cause="RATE", sentence="a rate", day=at.date(), currency="GBP",
        allowed=False, found_at=at, **figures,
    )  # fmt: skip
    TaxAdjustment.objects.create(
        kind="TAX", invoice=invoice, day=at.date(), currency="GBP", account="2", rule="up to 1",
        clearing_account="4", amount_minor=1, theirs_minor=1, ours_minor=2, prepared_at=at,
    )  # fmt: skip
    journal = Journal.objects.create(
        key="tax:1", day=at.date(), posting_date=at.date(), currency="GBP", account="2",
        clearing_account="4", memo="a journal", approved_at=at, approved_by=User.objects.first(),
    )  # fmt: skip
    for position, (debit, credit) in enumerate(((1, 0), (0, 1)), 1):
        JournalLine.objects.create(
            journal=journal, position=position, account="2", debit=debit, credit=credit
        )
    AccountLine.objects.create(
        erp_ref="1",
        move_ref="1",
        posting_date=at.date(),
        account="4",
        debit=0,
        credit=1,
        read_at=at,
    )


def made_settlement(*, seller, invoice, at):
    person = User.objects.create(username="loader")
    advice = RemittanceAdvice.objects.create(
        marketplacer_id="a-1", legacy_id=1, seller=seller, currency="GBP", total_minor=5,
        issued_at=at, issued_date=at.date(), touched_at=at, source=InboxMessage.objects.first(),
    )  # fmt: skip
    file = BankFile.objects.create(
        kind="CSV", name="b.csv", sha256="0", account="bank", lines_read=1, lines_new=1, taken_at=at
    )
    line = BankLine.objects.create(
        file=file, account="bank", identity="1", booked_date=at.date(), amount_minor=-5,
        currency="GBP",
    )  # fmt: skip
    Residue.objects.create(
        key="r", level="BANK", cause="NOT_PAID", seller=seller, day=at.date(), currency="GBP",
        amount_minor=-5, sentence="not paid", advice=advice, found_at=at,
    )  # fmt: skip
    BankUpload.objects.create(
        name="c.csv", body=b"Date,Amount\n2026-11-01,1.00\n", uploaded_by=person, uploaded_at=at
    )
    SettlementEntry.objects.create(
        key="e", event="PAID", posting_date=at.date(), currency="GBP", memo="paid", lines=[],
        debit_minor=5, credit_minor=5, advice=advice, bank_line=line, prepared_at=at,
        posting=OutboxMessage.objects.order_by("pk").first(),
    )  # fmt: skip


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
    "sync:refund": Correction,
    "token-revoke": ApiToken,
    "view-remove": KeptView,
    "api:order": Invoice,
    "api:retry_message": OutboxMessage,
    **dict.fromkeys(("access:person", "access:person-roles", "access:person-invite"), User),
}

OTHER_ARGUMENTS = {
    ("uidb64", "token"): {"uidb64": "MQ", "token": "none"},
    ("provider_id",): {"provider_id": "company"},
    ("slug",): {"slug": "data/orders"},
}


def address(door) -> str:
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


def holders(permission: str) -> list[str]:
    return [name for name, role in roles.ROLES.items() if permission in role.permissions]


def test_every_address_has_a_name_and_a_declared_permission():
    assert all(NAMED), [door.route for door in DOORS if not door.name]
    assert not [door.route for door in DOORS if door.permission is None]


def test_every_permission_asked_at_a_door_is_held_by_a_role():
    assert not [door.route for door in GUARDED if not holders(door.permission)]


@pytest.fixture
def outsider(db) -> User:
    """Signed in, and without any role."""
    return User.objects.create(username="outsider")


def member_of(role: str) -> User:
    user = User.objects.create(username=f"door-{role}")
    user.groups.set([Group.objects.get(name=role)])
    return user


def test_a_stranger_is_sent_to_sign_in_unless_the_door_is_public(rows):
    open_to_strangers = []
    for door in DOORS:
        answer = Client().get(address(door))
        if answer.status_code == 302 and answer.url.startswith(reverse("login")):
            continue
        # 401: single sign-on failed, or no token. 403: switched off. 404: no single sign-on here.
        assert answer.status_code in (200, 401, 403, 404, 405), door
        open_to_strangers.append(door.name)

    public = [door.name for door in DOORS if door.permission == roles.PUBLIC]
    # Public and yet sent to sign-in: steps of signing in that nobody has begun.
    assert set(open_to_strangers) <= set(public)
    assert {"login", "choose-password", "healthz", "readyz"} <= set(open_to_strangers)


def test_a_person_without_the_permission_is_refused(rows, outsider, client_of):
    client = client_of(outsider)
    answers = {
        (door.name, method): getattr(client, method)(address(door)).status_code
        for door in GUARDED
        for method in ("get", "post")
    }

    assert {asked: code for asked, code in answers.items() if code != 403} == {}


def test_a_person_with_the_right_role_is_served(rows, client_of):
    clients = {role: client_of(member_of(role)) for role in roles.ROLES}
    wrong = {}
    for door in GUARDED:
        client = clients[holders(door.permission)[-1]]
        seen = client.get(address(door), follow=True)
        if seen.status_code == 405:  # a deed: pressed with nothing chosen, it says so in words
            seen = client.post(address(door))
            if seen.streaming:
                b"".join(seen)  # read to its end, a download closes its file
            if seen.status_code in (303, 422):
                continue
        if seen.status_code != 200:
            wrong[door.name] = seen.status_code

    assert wrong == {}


def test_every_role_has_a_home_and_a_rail_of_places_that_open(rows, client_of):
    for role in roles.ROLES:
        client = client_of(member_of(role))
        home = client.get(reverse("home"))
        assert home.status_code == 200
        rail = home.context["frame"].rail
        assert len(rail) > 3
        assert {client.get(line.url).status_code for line in rail} == {200}


def test_a_person_without_a_role_is_welcomed_and_sees_only_the_handbook(rows, outsider, client_of):
    home = client_of(outsider).get(reverse("home"))

    assert (home.status_code, "You have no role yet" in home.text) == (200, True)
    assert [line.item.label for line in home.context["frame"].rail] == ["Home", "Handbook"]


def test_the_process_says_that_it_lives_and_that_it_is_ready():
    assert Client().get("/healthz").content == b"ok\n"
    assert Client().get("/readyz").content == b"ready\n"
