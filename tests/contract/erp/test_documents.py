"""Invoices and credit notes as every ERP adapter posts and reads them."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from sync.domain.delivery import PeriodClosed, Rejected
from sync.domain.documents import (
    CreditNoteDraft,
    DocumentKind,
    DocumentState,
    OrderDraft,
    PostedDocument,
    WriteStatus,
    first_postable,
    postable,
)
from tests.contract.erp.houses import ErpHouse
from tests.contract.erp.orders import accepted, credit, draft, line, of, rounding, shipping


def a_moment_ago() -> datetime:
    return datetime.now(UTC) - timedelta(milliseconds=1)


def booked(house: ErpHouse, order: OrderDraft) -> tuple[PostedDocument, ...]:
    ref = accepted(house, order)
    house.ship(ref)
    house.post_invoices(ref)
    return house.port.find_documents([order.key])[order.key]


def documents_since(house: ErpHouse, since: datetime) -> dict[str, PostedDocument]:
    found: dict[str, PostedDocument] = {}
    cursor = None
    while True:
        page = house.port.documents(since, cursor)
        assert not found.keys() & {one.ref for one in page.rows}
        found |= {one.ref: one for one in page.rows}
        cursor = page.cursor
        if cursor is None:
            return found


def test_invoices_are_read_to_the_line_and_the_tax_code(house: ErpHouse) -> None:
    since = a_moment_ago()
    order = draft(
        [
            line(house.skus[0], "3", "8.3333"),
            line(house.skus[1], "1", "7.9900", "GB-ZERO"),
            shipping("3.2917"),
            rounding(),
        ]
    )
    documents = booked(house, order)

    lines = {one.line_key: one for document in documents for one in document.lines}
    assert set(lines) == {one.key for one in order.lines}
    for sold in order.lines:
        found = lines[sold.key]
        assert (found.net, found.tax, found.quantity) == (sold.net, sold.tax, sold.quantity)
        assert found.tax_codes == ((sold.tax_code,) if sold.tax_code else ())
        assert found.account == ("4.1.9" if sold.kind == "rounding" else "4.1.1")
    assert lines[order.lines[0].key].sku == house.skus[0]
    taxes = [(tax.tax_code, tax.amount) for document in documents for tax in document.taxes]
    by_code = {code: sum(n for c, n in taxes if c == code) for code, _ in taxes}
    assert by_code == {"GB-STD": Decimal("5.66"), "GB-ZERO": Decimal(0)}
    for document in documents:
        assert document.kind is DocumentKind.INVOICE
        assert document.state is DocumentState.POSTED
        assert document.number
        assert document.key == document.order_key == order.key
        assert document.reference == order.reference
        assert document.dated == datetime.now(UTC).date()
        assert document.net + document.tax == document.gross
        assert documents_since(house, since)[document.ref] == document
    assert sum(document.gross for document in documents) == order.gross
    assert documents_since(house, datetime.now(UTC) + timedelta(minutes=1)) == {}


def test_an_edit_after_posting_is_seen(house: ErpHouse) -> None:
    order = draft([line(house.skus[2], "1", "10.0000")])
    (invoice,) = booked(house, order)
    mark = a_moment_ago()
    house.reword_invoice(invoice.ref, "as agreed by telephone")
    assert set(documents_since(house, mark)) == {invoice.ref}

    mark = a_moment_ago()
    house.replace_invoice(invoice.ref, Decimal("1.00"))
    changed = documents_since(house, mark)
    assert changed[invoice.ref].state is DocumentState.CANCELLED
    (fresh,) = [one for one in changed.values() if one.ref != invoice.ref]
    assert (fresh.state, fresh.net, fresh.tax) == (
        DocumentState.POSTED,
        Decimal("11.00"),
        Decimal("2.20"),
    )
    assert fresh.order_key == order.key


def test_money_goes_back_once_with_the_originals_tax_and_no_goods(house: ErpHouse) -> None:
    order = draft([line(house.skus[2], "3", "8.3333"), shipping("3.3300")])
    invoices = booked(house, order)
    (before,) = house.port.stock([house.skus[2]], None).rows
    refund = credit(order, [of(order.lines[0], "1"), of(order.lines[1], "1", "1.0000")])
    assert house.port.find_credit_notes([refund.key]) == {}
    first, second = house.port.post_credit_note(refund), house.port.post_credit_note(refund)

    assert (first.status, second.status) == (WriteStatus.CREATED, WriteStatus.EXISTED)
    assert first.ref == second.ref
    note = house.port.find_credit_notes([refund.key])[refund.key]
    assert note == first.document
    assert note.kind is DocumentKind.CREDIT_NOTE
    assert note.state is DocumentState.POSTED
    assert (note.net, note.tax, note.gross) == (-refund.net, -refund.tax, -refund.gross)
    assert (note.key, note.order_key) == (refund.key, order.key)
    assert note.reference == refund.reference
    assert {one.line_key: (one.net, one.tax) for one in note.lines} == {
        one.key: (-one.net, -one.tax) for one in refund.lines
    }
    assert {one.account for one in note.lines} == {"4.1.1"}
    assert set(note.reverses) <= {invoice.ref for invoice in invoices}
    assert note.reverses
    assert house.port.find_documents([order.key])[order.key] == (*invoices, note)
    (after,) = house.port.stock([house.skus[2]], None).rows
    assert after.on_hand == before.on_hand


def test_the_penny_of_a_refund_goes_back_though_its_order_had_none(house: ErpHouse) -> None:
    order = draft([line(house.skus[2], "3", "8.3333")])
    booked(house, order)
    refund = credit(order, [of(order.lines[0], "1"), rounding("0.01")])

    house.port.post_credit_note(refund)

    note = house.port.find_credit_notes([refund.key])[refund.key]
    assert (note.state, note.gross) == (DocumentState.POSTED, -refund.gross)
    penny = next(one for one in note.lines if one.line_key == refund.lines[1].key)
    assert (penny.net, penny.tax, penny.account) == (Decimal("-0.01"), Decimal(0), "4.1.9")


def test_a_refund_gives_back_no_more_than_was_invoiced(house: ErpHouse) -> None:
    order = draft([line(house.skus[2], "2", "10.0000")])
    ref = accepted(house, order)
    with pytest.raises(Rejected, match="invoiced"):
        house.port.post_credit_note(credit(order, [of(order.lines[0], "1")]))
    house.ship(ref)
    house.post_invoices(ref)
    house.port.post_credit_note(credit(order, [of(order.lines[0], "1")]))

    refused: list[tuple[CreditNoteDraft, str]] = [
        (credit(order, [of(order.lines[0], "2")]), "10.00 is left"),
        (credit(order, [of(replace(order.lines[0], tax_code="GB-ZERO"), "1")]), "GB-STD"),
        (credit(order, [of(replace(order.lines[0], key="nobody's"), "1")]), "nobody's"),
        (credit(draft(order.lines, key="nobody"), [of(order.lines[0], "1")]), "nobody"),
    ]
    for refund, words in refused:
        with pytest.raises(Rejected, match=words):
            house.port.post_credit_note(refund)
        assert house.port.find_credit_notes([refund.key]) == {}


def test_a_refund_is_dated_where_it_belongs_and_never_into_a_closed_period(house: ErpHouse) -> None:
    order = draft([line(house.skus[2], "3", "10.0000")])
    booked(house, order)
    with pytest.raises(PeriodClosed):
        house.port.post_credit_note(
            credit(order, [of(order.lines[0], "1")], dated=house.closed_day)
        )
    today = datetime.now(UTC).date()
    house.port.post_credit_note(credit(order, [of(order.lines[0], "1")], dated=today))
    # Dated before what is posted already: numbers follow dates in an ERP, entries need not.
    earlier = today - timedelta(days=3)
    note = house.port.post_credit_note(
        credit(order, [of(order.lines[0], "1")], dated=earlier)
    ).document
    assert note is not None
    assert note.dated == earlier


def test_a_tax_code_that_is_gone_is_told_and_old_documents_keep_it(house: ErpHouse) -> None:
    house.add_tax("GB-RED", Decimal("0.05"))
    assert "GB-RED" in {tax.code for tax in house.port.reference_data().taxes}
    order = draft([line(house.skus[2], "2", "10.0000", "GB-RED")])
    booked(house, order)
    house.retire_tax("GB-RED")

    data = house.port.reference_data()
    assert "GB-RED" not in {tax.code for tax in data.taxes}
    assert {tax.code: tax.rate for tax in data.retired_taxes}["GB-RED"] == Decimal("0.05")
    (answer,) = house.port.submit_orders([draft([line(house.skus[2], tax_code="GB-RED")])])
    assert isinstance(answer, Rejected)
    assert "GB-RED" in str(answer)
    note = house.port.post_credit_note(credit(order, [of(order.lines[0], "1")])).document
    assert note is not None
    assert (note.tax, note.lines[0].tax_codes) == (Decimal("-0.50"), ("GB-RED",))


def test_a_deleted_tax_code_is_in_neither_list(house: ErpHouse) -> None:
    house.add_tax("GB-NEVER", Decimal("0.10"))
    house.delete_tax("GB-NEVER")
    data = house.port.reference_data()
    assert "GB-NEVER" not in {tax.code for tax in (*data.taxes, *data.retired_taxes)}


def test_periods_open_and_close_and_say_which_day_can_be_posted(house: ErpHouse) -> None:
    day = date(datetime.now(UTC).year - 1, 6, 15)
    assert not postable(house.port.periods(), house.closed_day)
    assert postable(house.port.periods(), day)
    house.close_period(day)
    periods = house.port.periods()
    assert not postable(periods, day)
    assert first_postable(periods, day) == day.replace(month=7, day=1)
    assert first_postable(periods, date(1990, 1, 1)) is not None
    house.reopen_period(day)
    assert postable(house.port.periods(), day)
