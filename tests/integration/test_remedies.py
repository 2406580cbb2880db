"""Each exception leads to the screen where it is put right, whoever may open it."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.urls import reverse

from mkterp.core.models import User
from sync.domain.cases import CaseKind
from sync.models import StockHold
from sync.services import cases
from sync.services.cases import Cause
from tests.factories import make_listing, make_mapping, make_seller

pytestmark = pytest.mark.django_db

# What needs no other screen: a button of the case does it, or only the far side can.
AT_ITS_OWN_PAGE = {
    CaseKind.UNMAPPED_SKU,
    CaseKind.LINE_WITHOUT_PRODUCT,
    CaseKind.BAD_QUANTITY,
    CaseKind.MONEY_MISMATCH,
    CaseKind.NO_ADDRESS,
    CaseKind.ERP_REJECTED,
    CaseKind.MARKETPLACER_REJECTED,
    CaseKind.ERP_DIFFERS,
    CaseKind.CHANGED_AFTER_POSTING,
    CaseKind.CANCELLATION_REFUSED,
    CaseKind.DOCUMENT_EDITED,
}


@pytest.fixture
def everybody(db) -> User:
    """Somebody with every role, so that no screen is closed."""
    person = User.objects.create(username="everybody")
    person.groups.set(Group.objects.all())
    return person


@pytest.fixture
def keys(at):
    """Keys that name something, where a remedy or its page reads them."""
    pair = make_mapping(listing=make_listing(seller=make_seller()))
    hold = StockHold.objects.create(
        kind="ZEROS", opened_at=at, listings=60, units=600, of_listings=1000
    )
    return {
        CaseKind.MAPPING_CONFLICT: f"pair:{pair.pk}",
        CaseKind.POSTED_AS_OTHER_ITEM: f"remap:{pair.pk}",
        CaseKind.STOCK_HELD: f"hold:{hold.pk}",
        CaseKind.UNMAPPED_TAX_CODE: "tax:GB:0.2000",
    }


def opened(kind, key, at):
    seller = make_seller()
    return cases.open_case(cause=Cause(kind, key, "Something.", seller=seller), at=at)


@pytest.mark.parametrize("kind", sorted(set(CaseKind) - AT_ITS_OWN_PAGE))
def test_a_case_links_to_the_screen_that_mends_it(kind, keys, everybody, client_of, at):
    case = opened(kind, keys.get(kind, "x:1"), at)
    client = client_of(everybody)

    remedy = client.get(reverse("sync:exception", args=[case.pk])).context["remedy"]

    assert remedy is not None
    assert client.get(remedy["url"]).status_code == 200


def test_who_may_not_open_that_screen_sees_no_link(client_of, at):
    case = opened(CaseKind.JOURNAL_REFUSED, "journal:1", at)
    reader = User.objects.create(username="reader")
    reader.user_permissions.add(Permission.objects.get(codename="view_exceptioncase"))

    page = client_of(reader).get(reverse("sync:exception", args=[case.pk]))

    assert page.context["remedy"] is None
    assert "Open what it needs" not in page.text


def test_a_case_that_is_closed_needs_no_mending(everybody, client_of, at):
    case = opened(CaseKind.UNMAPPED_CARRIER, "carrier:x", at)
    cases.resolve(case=case, resolution="Chosen.", at=at)

    page = client_of(everybody).get(reverse("sync:exception", args=[case.pk]))

    assert page.context["remedy"] is None
