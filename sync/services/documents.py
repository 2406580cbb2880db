"""The mirror of the ERP's invoices and credit notes: incremental, and no edit goes unseen."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from sync import connections
from sync.domain.cases import CaseKind
from sync.domain.documents import DocumentState, PostedDocument
from sync.models import (
    Invoice,
    LedgerDocument,
    LedgerDocumentLine,
    LedgerDocumentTax,
)
from sync.services import cases
from sync.services.cases import Cause
from sync.services.pulls import Batch, pull

FEED = "erp_documents"
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
_IN_LEDGER = {LedgerDocument.State.POSTED, LedgerDocument.State.PAID}
_FIELDS = [
    "kind", "state", "erp_state", "number", "key", "order_key", "invoice", "reference", "party",
    "dated", "currency", "net", "tax", "gross", "move_ref", "fingerprint", "touched_at",
    "edited_at", "edits",
]  # fmt: skip


def pull_documents(*, clock: Callable[[], datetime]) -> Mapping[str, int]:
    """Documents changed since the last read; returns counts by what happened to them.

    Resumes where a killed run stopped; a second run with nothing changed writes nothing.
    """

    def read(since: datetime | None, page: str | None) -> Batch:
        found = connections.erp().documents(since or BEGINNING, page)
        return Batch(
            lambda at: mirror(documents=found.rows, at=at),
            found.cursor,
            max((d.modified_at for d in found.rows if d.modified_at), default=None),
        )

    return pull(name=FEED, read=read, clock=clock, start=BEGINNING)


@transaction.atomic
def mirror(*, documents: Sequence[PostedDocument], at: datetime) -> dict[str, int]:
    """Take documents as the ERP holds them now; a posted one that changed opens a case."""
    latest = {document.ref: document for document in documents}
    known = {
        row.erp_ref: row
        for row in LedgerDocument.objects.select_for_update(no_key=True, of=("self",)).filter(
            erp_ref__in=latest
        )
    }
    invoices = dict(
        Invoice.objects.filter(
            marketplacer_id__in={d.order_key for d in latest.values() if d.order_key}
        ).values_list("marketplacer_id", "pk")
    )
    changed: list[tuple[PostedDocument, LedgerDocument]] = []
    edited: list[LedgerDocument] = []
    for ref in sorted(latest):
        document, row = latest[ref], known.get(ref)
        mark = fingerprint(document)
        invoice = invoices.get(document.order_key)
        same = row is not None and (row.fingerprint, row.state, row.invoice_id) == (
            mark,
            document.state.value,
            invoice,
        )
        if same:
            continue
        fresh = _row(document, invoice, mark, at)
        if row is not None:
            fresh.edited_at, fresh.edits = row.edited_at, row.edits
            if row.state in _IN_LEDGER and row.fingerprint != mark:
                fresh.edited_at = at
                said = {"at": at.isoformat(), "words": _what_changed(row, document)}
                fresh.edits = [*row.edits, said]
                edited.append(fresh)
        changed.append((document, fresh))
    _save(changed)
    _tell(edited, at)
    return {"read": len(documents), "changed": len(changed), "edited": len(edited)}


def fingerprint(document: PostedDocument) -> str:
    """Everything that must stay once it is posted; being paid is not an edit, cancelling is."""
    facts = [
        document.kind.value,
        "cancelled" if document.state is DocumentState.CANCELLED else "",
        document.number,
        document.order_key,
        document.reference,
        document.party,
        document.dated,
        document.currency,
        [_plain(document.net), _plain(document.tax), _plain(document.gross)],
        sorted(
            [
                line.ref, line.line_key, line.sku, _plain(line.quantity), _plain(line.net),
                _plain(line.tax), list(line.tax_codes), line.account,
            ]
            for line in document.lines
        ),
        sorted([one.tax_code, _plain(one.base), _plain(one.amount), one.account, one.by_hand]
               for one in document.taxes),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(facts, default=str).encode()).hexdigest()


def _plain(amount: Any) -> str:
    """A number the same way whatever zeros the ERP sent behind it."""
    return f"{amount.normalize():f}"


def _row(document: PostedDocument, invoice: int | None, mark: str, at: datetime) -> LedgerDocument:
    return LedgerDocument(
        erp_ref=document.ref,
        kind=document.kind.value,
        state=document.state.value,
        erp_state=document.erp_state,
        number=document.number or "",
        key=document.key,
        order_key=document.order_key,
        invoice_id=invoice,
        reference=document.reference[:300],
        party=document.party,
        dated=document.dated,
        currency=document.currency,
        net=document.net,
        tax=document.tax,
        gross=document.gross,
        move_ref=document.move_ref or "",
        fingerprint=mark,
        touched_at=at,
    )


def _what_changed(row: LedgerDocument, document: PostedDocument) -> str:
    if document.state is DocumentState.CANCELLED:
        return "It was cancelled."
    pairs = (
        ("its reference", row.reference, document.reference[:300]),
        ("its date", row.dated, document.dated),
        ("its party", row.party, document.party),
        ("net", row.net, document.net),
        ("tax", row.tax, document.tax),
        ("gross", row.gross, document.gross),
    )
    words = [f"{what} was {was} and is {now}" for what, was, now in pairs if was != now]
    return f"{'; '.join(words) or 'its lines or tax codes changed'}."


def _save(changed: Sequence[tuple[PostedDocument, LedgerDocument]]) -> None:
    LedgerDocument.objects.bulk_create(
        [row for _, row in changed],
        update_conflicts=True,
        unique_fields=["erp_ref"],
        update_fields=_FIELDS,
    )
    refs = [row.erp_ref for _, row in changed]
    pks = dict(LedgerDocument.objects.filter(erp_ref__in=refs).values_list("erp_ref", "pk"))
    LedgerDocumentLine.objects.filter(document__in=pks.values()).delete()
    LedgerDocumentTax.objects.filter(document__in=pks.values()).delete()
    LedgerDocumentLine.objects.bulk_create(
        [
            LedgerDocumentLine(
                document_id=pks[document.ref],
                erp_ref=line.ref,
                line_key=line.line_key,
                sku=line.sku,
                description=line.description,
                quantity=line.quantity,
                net=line.net,
                tax=line.tax,
                tax_code=",".join(line.tax_codes),
                account=line.account,
            )
            for document, _ in changed
            for line in document.lines
        ]
    )
    LedgerDocumentTax.objects.bulk_create(
        [
            LedgerDocumentTax(
                document_id=pks[document.ref],
                tax_code=one.tax_code,
                base=one.base,
                amount=one.amount,
                account=one.account,
                by_hand=one.by_hand,
            )
            for document, _ in changed
            for one in document.taxes
        ]
    )


def _tell(edited: Iterable[LedgerDocument], at: datetime) -> None:
    rows = list(edited)
    invoices = Invoice.objects.select_related("seller").in_bulk(
        [row.invoice_id for row in rows if row.invoice_id]
    )
    for row in rows:
        invoice = invoices.get(row.invoice_id) if row.invoice_id else None
        about = f" of {invoice}" if invoice is not None else ""
        case = cases.open_case(
            cause=Cause(
                CaseKind.DOCUMENT_EDITED,
                f"edited:{row.erp_ref}",
                f"{row.get_kind_display().capitalize()} {row}{about} was changed in the ERP after "
                f"it was posted: {row.edits[-1]['words']}",
                seller=invoice.seller if invoice is not None else None,
            ),
            at=at,
        )
        if invoice is not None:
            cases.hold(invoice=invoice, case=case)
