"""Translation: an invoice becomes a whole document or every reason why not."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from mkterp.core.money import to_minor
from sync.domain.cases import KINDS, CaseKind
from sync.domain.documents import FulfilledBy, LineKind, OrderDraft, Treatment
from sync.domain.marketplace import AddressValue, InvoiceLineValue, InvoiceValue, OrderValue
from sync.domain.orders import MappedItem, SellerFacts, TaxRule, translate
from sync.domain.tax import Arithmetic, Level, contained_tax

STANDARD, ZERO = Decimal("0.2"), Decimal(0)
TAXES = [TaxRule(STANDARD, "GB-STD", STANDARD), TaxRule(ZERO, "GB-ZERO", ZERO)]
SELLER = SellerFacts("seller-1", "Saltbush Linen", Treatment.AGENT, FulfilledBy.SELLER)
MAPPED = {"variant-1": MappedItem("LIN-1", 1), "variant-2": MappedItem("LIN-2", 3)}


def a_line(number=1, *, variant="variant-1", gross=5_999, quantity=1, rate=STANDARD, postage=0):
    return InvoiceLineValue(
        marketplacer_id=f"line-{number}",
        legacy_id=number,
        variant_id=variant,
        sku=f"SKU-{number}",
        barcode="",
        title="Camp shirt",
        variant_name="M, sage",
        brand="Saltbush",
        quantity=Decimal(quantity),
        subtotal_minor=gross,
        discount_minor=0,
        tax_minor=contained_tax(gross, rate),
        total_minor=gross,
        tax_rate=rate,
        postage_minor=postage,
        postage_tax_minor=contained_tax(postage, STANDARD),
        commission_minor=600,
        commission_tax_minor=100,
        status="ALLOCATED",
    )


def an_invoice(*lines, **changes):
    lines = lines or (a_line(),)
    value = InvoiceValue(
        marketplacer_id="invoice-1",
        legacy_id=41207,
        order=OrderValue("order-1", 20933, {}),
        seller_id="seller-1",
        seller_name="Saltbush Linen",
        created_at=datetime(2026, 11, 1, 9, tzinfo=UTC),
        paid_at=datetime(2026, 11, 1, 9, tzinfo=UTC),
        updated_at=datetime(2026, 11, 1, 9, tzinfo=UTC),
        delivery_type="BUY_ONLINE",
        status_flags=frozenset({"PAID"}),
        total_minor=sum(line.total_minor + line.postage_minor for line in lines),
        lines=tuple(lines),
        buyer_first_name="Ana",
        buyer_surname="Example",
        shipping_address=AddressValue("1 Sample Street", "Exampleton", "EX1 1AA", "", "GB"),
        external_ids={"webshop": "WS-1"},
    )
    return replace(value, **changes)


def translated(invoice, *, seller=SELLER, items=MAPPED, taxes=TAXES):
    return translate(
        invoice,
        currency="GBP",
        seller=seller,
        items=items,
        taxes=taxes,
        arithmetic=Arithmetic(Level.LINE, "half_even"),
    )


def kinds(result):
    assert isinstance(result, list), result
    return sorted(blocker.kind for blocker in result)


@st.composite
def invoices(draw):
    lines = []
    for number in range(1, draw(st.integers(1, 8)) + 1):
        quantity = draw(st.integers(1, 150))
        gross = draw(st.integers(1, 30_000)) * quantity
        rate = draw(st.sampled_from([STANDARD, ZERO]))
        postage = draw(st.sampled_from([0, 0, 395, 495, 1]))
        lines.append(a_line(number, gross=gross, quantity=quantity, rate=rate, postage=postage))
    return an_invoice(*lines)


@given(invoices())
def test_the_document_is_always_what_the_customer_paid(invoice):
    draft = translated(invoice)

    assert isinstance(draft, OrderDraft)
    assert to_minor(draft.gross, "GBP") == invoice.total_minor
    for line in draft.lines:
        again = (line.quantity * line.unit_price).quantize(Decimal("0.01"), "ROUND_HALF_EVEN")
        assert again == line.net, "an ERP that multiplies gets another net"


def test_a_clean_invoice_becomes_a_document_with_the_erps_codes():
    draft = translated(an_invoice(a_line(gross=6_000, postage=498)))

    goods, shipping = draft.lines
    assert (goods.sku, goods.net, goods.tax, goods.tax_code) == (
        "LIN-1",
        Decimal("50.00"),
        Decimal("10.00"),
        "GB-STD",
    )
    assert (shipping.kind, shipping.net + shipping.tax) == (LineKind.SHIPPING, Decimal("4.98"))
    assert (draft.key, draft.reference) == ("invoice-1", "INV-41207")
    assert draft.attributes["Marketplacer order"] == "20933"
    assert draft.attributes["External id webshop"] == "WS-1"


def test_a_pack_is_sent_as_its_pieces():
    draft = translated(an_invoice(a_line(variant="variant-2", gross=3_600, quantity=2)))

    assert (draft.lines[0].quantity, draft.lines[0].net) == (Decimal(6), Decimal("30.00"))


def test_a_penny_no_net_price_can_reach_stands_on_a_line_of_its_own():
    draft = translated(an_invoice(a_line(gross=1_203)))

    assert draft.lines[-1].kind == LineKind.ROUNDING
    assert draft.gross == Decimal("12.03")


def test_names_every_cause_at_once():
    invoice = an_invoice(
        a_line(1, variant="unknown"),
        a_line(2, variant=""),
        a_line(3, quantity="1.5"),
        a_line(4, quantity=-1),
        shipping_address=None,
    )
    seller = replace(SELLER, treatment=None, fulfilled_by=None)

    assert kinds(translated(invoice, seller=seller)) == [
        CaseKind.BAD_QUANTITY,
        CaseKind.BAD_QUANTITY,
        CaseKind.LINE_WITHOUT_PRODUCT,
        CaseKind.NO_ADDRESS,
        CaseKind.NO_FULFILMENT_RULE,
        CaseKind.NO_TREATMENT,
        CaseKind.UNMAPPED_SKU,
    ]


def test_an_unknown_seller_parks():
    assert kinds(translated(an_invoice(), seller=None)) == [CaseKind.UNKNOWN_SELLER]


def test_money_that_does_not_add_up_parks():
    assert kinds(translated(an_invoice(total_minor=1))) == [CaseKind.MONEY_MISMATCH]


def test_an_invoice_without_lines_parks():
    empty = replace(an_invoice(), lines=(), total_minor=0)

    assert kinds(translated(empty)) == [CaseKind.MONEY_MISMATCH]


def test_a_negative_line_parks():
    invoice = an_invoice(a_line(1, gross=-100), a_line(2, gross=600))

    assert kinds(translated(invoice)) == [CaseKind.MONEY_MISMATCH]


def test_a_rate_nobody_mapped_parks_and_is_one_cause_for_all_its_lines():
    reduced = Decimal("0.05")
    result = translated(an_invoice(a_line(1, rate=reduced), a_line(2, rate=reduced)))

    assert {blocker.key for blocker in result} == {"tax:GB:0.05"}


def test_a_line_without_a_rate_takes_the_one_its_tax_fits():
    line = replace(a_line(gross=6_000), tax_rate=None)

    assert translated(an_invoice(line)).lines[0].tax_code == "GB-STD"


def test_postage_whose_tax_fits_no_rate_parks():
    line = replace(a_line(postage=1_000), postage_tax_minor=91)

    assert kinds(translated(an_invoice(line))) == [CaseKind.UNMAPPED_TAX_CODE]


def test_a_collected_order_needs_no_address():
    invoice = an_invoice(delivery_type="CLICK_AND_COLLECT", shipping_address=None)

    # Without a destination there is no tax to look up by country: the caller passes the rules.
    assert isinstance(translated(invoice), OrderDraft)


def test_every_kind_of_case_says_what_to_do_next():
    assert set(KINDS) == set(CaseKind)
    assert all(facts.next_step.endswith(".") for facts in KINDS.values())
