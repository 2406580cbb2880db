"""Invoices and credit notes of the ERP in memory."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from mkterp.core.money import round_to_unit
from sync.domain.delivery import Rejected, UnknownOutcome
from sync.domain.documents import (
    CreditNoteDraft,
    DocumentKind,
    DocumentLine,
    DocumentState,
    DocumentTax,
    JournalLine,
    LineKind,
    OrderLine,
    OrderPhase,
    PostedDocument,
    Treatment,
    WriteStatus,
    Written,
)
from sync.erp.port import Page
from tests.fakes.ledger import FakeLedger
from tests.fakes.state import (
    ADJUSTMENT,
    PASSED_ON,
    RECEIVABLE,
    REVENUE,
    TAX,
    ZERO,
    Move,
    Sale,
)


class FakeBooks(FakeLedger):
    def post_invoices(self, ref: str, on: date | None = None) -> None:
        """Post the order's invoice, when there is one to post."""
        with self._lock:
            sale = self._by_ref(ref)
            if sale.phase is not OrderPhase.ACCEPTED:
                return
            due = {line.key: self._to_invoice(sale, line) for line in sale.draft.lines}
            if sale.shipped_from_here and not any(due[line.key] for line in sale.goods()):
                return
            lines = [replace(line, quantity=due[line.key]) for line in sale.draft.lines]
            day = on or self._today()
            self._must_be_open(day)
            document = self._invoice(sale, [line for line in lines if line.quantity], day)
            for key, quantity in due.items():
                sale.invoiced[key] = sale.invoiced.get(key, ZERO) + quantity
            if all(sale.invoiced.get(x.key, ZERO) == sale.wanted(x) for x in sale.draft.lines):
                sale.phase = OrderPhase.BOOKED
                sale.invoice_number, sale.booked_on = document.number, day

    def book_all(self) -> int:
        """Ship and invoice every accepted order. Returns how many became BOOKED."""
        with self._lock:
            accepted = [s for s in self._sales.values() if s.phase is OrderPhase.ACCEPTED]
            for sale in accepted:
                if sale.shipped_from_here:
                    self.ship(sale.ref)
                self.post_invoices(sale.ref)
            return len(accepted)

    def reword_invoice(self, ref: str, words: str) -> None:
        """Edit a posted document as far as an ERP lets people: its words."""
        document = self._documents[ref]
        self._documents[ref] = replace(document, reference=words, modified_at=self._clock())

    def replace_invoice(self, ref: str, extra: Decimal) -> str:
        """Cancel a posted invoice and post another whose first line costs `extra` more."""

        def dearer(lines: list[OrderLine]) -> list[OrderLine]:
            return [replace(lines[0], unit_price=lines[0].unit_price + extra), *lines[1:]]

        return self._instead(ref, dearer)

    def retax_invoice(self, ref: str, code: str) -> str:
        """Cancel a posted invoice and post another whose first line has that tax code."""
        return self._instead(ref, lambda lines: [replace(lines[0], tax_code=code), *lines[1:]])

    def shorten_invoice(self, ref: str) -> str:
        """Cancel a posted invoice and post another without its first line."""
        return self._instead(ref, lambda lines: lines[1:])

    def double_invoice(self, ref: str) -> str:
        """Post the same again."""
        with self._lock:
            old = self._documents[ref]
            sale = self._sales[old.order_key]
            return self._invoice(sale, self._sold(sale, old), old.dated or self._today()).ref

    def cancel_invoice(self, ref: str) -> None:
        """Take a posted invoice back; the ledger gets the opposite."""
        with self._lock:
            old = self._documents[ref]
            self._documents[ref] = replace(
                old, state=DocumentState.CANCELLED, erp_state="cancelled", modified_at=self._clock()
            )
            self._book(old, sign=-1)

    def post_again(self, ref: str) -> None:
        """Post what a cancelled invoice said, once more."""
        self.double_invoice(ref)

    def _instead(self, ref: str, change: Callable[[list[OrderLine]], list[OrderLine]]) -> str:
        with self._lock:
            old = self._documents[ref]
            self.cancel_invoice(ref)
            sale = self._sales[old.order_key]
            lines = change(self._sold(sale, old))
            return self._invoice(sale, lines, old.dated or self._today()).ref

    @staticmethod
    def _sold(sale: Sale, document: PostedDocument) -> list[OrderLine]:
        return [
            replace(sale.line(line.line_key), quantity=line.quantity) for line in document.lines
        ]

    # -- documents ------------------------------------------------------------------------------

    def find_documents(self, order_keys: Sequence[str]) -> dict[str, tuple[PostedDocument, ...]]:
        with self._arrive("find_documents"):
            return {
                key: tuple(self._documents[ref] for ref in self._refs[key])
                for key in order_keys
                if key in self._refs
            }

    def documents(self, since: datetime, cursor: str | None) -> Page[PostedDocument]:
        with self._arrive("documents"):
            changed = [d for d in self._documents.values() if (d.modified_at or since) >= since]
            return Page(tuple(changed), None)

    def find_credit_notes(self, keys: Sequence[str]) -> dict[str, PostedDocument]:
        with self._arrive("find_credit_notes"):
            return {key: note for key in keys if (note := self._credit_note(key)) is not None}

    def post_credit_note(self, draft: CreditNoteDraft) -> Written:
        with self._arrive("post_credit_note"):
            note, status = self._credit_note(draft.key), WriteStatus.EXISTED
            if note is None:
                self._must_be_open(draft.dated)
                note, status = self._give_back(draft), WriteStatus.CREATED
            if self._lost():
                raise UnknownOutcome("The answer was lost.")
            return Written(note.ref, note.number, status, document=note)

    # -- inside ---------------------------------------------------------------------------------

    def _to_invoice(self, sale: Sale, line: OrderLine) -> Decimal:
        goods = line.kind is LineKind.GOODS and sale.shipped_from_here
        due = self._left(sale, line.key) if goods else sale.wanted(line)
        return due - sale.invoiced.get(line.key, ZERO)

    def _invoice(self, sale: Sale, lines: Sequence[OrderLine], day: date) -> PostedDocument:
        found = [self._line(line, self._account(sale, line), sign=1) for line in lines]
        return self._document(sale, found, DocumentKind.INVOICE, sale.draft.reference, "", day, ())

    @staticmethod
    def _account(sale: Sale, line: OrderLine) -> str:
        if line.kind is LineKind.ROUNDING:
            return ADJUSTMENT
        agency = sale.draft.treatment is Treatment.AGENT and not sale.shipped_from_here
        return PASSED_ON if agency else REVENUE

    def _line(self, line: OrderLine, account: str, *, sign: int) -> DocumentLine:
        quantity = line.quantity * sign
        exact = quantity * line.unit_price
        return DocumentLine(
            ref=f"DL{next(self._counter)}",
            line_key=line.key,
            sku=line.sku or f"MKT-{line.kind.value.upper()}",
            description=line.description,
            quantity=quantity,
            unit_price=line.unit_price,
            net=round_to_unit(exact, "GBP", "half_even"),
            tax=round_to_unit(exact * self._rate(line.tax_code), "GBP", "half_even"),
            tax_codes=(line.tax_code,) if line.tax_code else (),
            account=account,
        )

    def _document(
        self,
        sale: Sale,
        lines: Sequence[DocumentLine],
        kind: DocumentKind,
        reference: str,
        key: str,
        day: date,
        reverses: tuple[str, ...],
    ) -> PostedDocument:
        codes = dict.fromkeys(code for line in lines for code in line.tax_codes)
        taxes = tuple(
            DocumentTax(
                code,
                sum((line.net for line in lines if code in line.tax_codes), ZERO),
                sum((line.tax for line in lines if code in line.tax_codes), ZERO),
                self.tax_accounts.get(code, TAX),
            )
            for code in codes
        )
        net = sum((line.net for line in lines), ZERO)
        tax = sum((one.amount for one in taxes), ZERO)
        ref = str(len(self._documents) + 1)
        prefix = "SC" if kind is DocumentKind.CREDIT_NOTE else "SI"
        document = PostedDocument(
            ref=ref,
            kind=kind,
            state=DocumentState.POSTED,
            erp_state="posted",
            number=f"{prefix}-{ref}",
            key=key or sale.draft.key,
            order_key=sale.draft.key,
            order_ref=sale.ref,
            reference=reference,
            party="4" if sale.draft.treatment is Treatment.AGENT else "3",
            dated=day,
            currency=sale.draft.currency,
            net=net,
            tax=tax,
            gross=net + tax,
            lines=tuple(lines),
            taxes=taxes,
            move_ref=str(len(self._moves) + 1),
            reverses=reverses,
            modified_at=self._clock(),
        )
        self._documents[ref] = document
        self._refs.setdefault(document.order_key, []).append(ref)
        self._book(document, sign=1)
        return document

    def _book(self, document: PostedDocument, *, sign: int) -> None:
        """The document's ledger entry, or its opposite."""
        amounts: dict[str, Decimal] = {}
        for account, amount in (
            *((line.account, line.net) for line in document.lines),
            *((tax.account, tax.amount) for tax in document.taxes),
        ):
            amounts[account] = amounts.get(account, ZERO) + amount
        bodies = [_booked(RECEIVABLE, document.gross * sign, document.party)]
        bodies += [_booked(account, -n * sign) for account, n in amounts.items() if n]
        self._move_of(bodies, document.dated or self._today(), document=document.ref)

    def _credit_note(self, key: str) -> PostedDocument | None:
        notes = [d for d in self._documents.values() if d.kind is DocumentKind.CREDIT_NOTE]
        return next((note for note in notes if note.key == key), None)

    def _give_back(self, draft: CreditNoteDraft) -> PostedDocument:
        sale = self._by_key(draft.order_key)
        documents = [self._documents[ref] for ref in self._refs.get(draft.order_key, ())]
        related = [one for one in documents if one.state is not DocumentState.CANCELLED]
        if not related:
            raise Rejected(f"Nothing of {draft.reference}'s order is invoiced yet.", "order")
        lines = [self._returned(draft, line, related) for line in draft.lines]
        originals = tuple(d.ref for d in related if d.kind is DocumentKind.INVOICE)
        net = -sum((line.net for line in lines), ZERO)
        tax = -sum((line.tax for line in lines), ZERO)
        if (net, tax) != (draft.net, draft.tax):
            raise Rejected(f"The ERP computes {net} + {tax}, not {draft.net} + {draft.tax}.")
        return self._document(
            sale,
            lines,
            DocumentKind.CREDIT_NOTE,
            draft.reference,
            draft.key,
            draft.dated,
            originals,
        )

    def _returned(
        self, draft: CreditNoteDraft, line: OrderLine, related: Sequence[PostedDocument]
    ) -> DocumentLine:
        parts = [x for document in related for x in document.lines if x.line_key == line.key]
        if not parts:
            if line.kind is LineKind.ROUNDING:
                return self._line(line, ADJUSTMENT, sign=-1)
            raise Rejected(f"Line {line.key} of {draft.reference} is not invoiced.", "line")
        codes = parts[0].tax_codes
        if codes != ((line.tax_code,) if line.tax_code else ()):
            raise Rejected(f"Line {line.key} was sold with {', '.join(codes)}.", "tax_code")
        left = sum((part.net for part in parts), ZERO)
        if abs(line.net) > abs(left):
            raise Rejected(f"{left} is left of line {line.key}.", "net")
        return self._line(line, parts[0].account, sign=-1)

    def _settle_documents(self, moves: Iterable[Move]) -> None:
        for move in moves:
            receivable = [line for line in move.lines if line.body.account == RECEIVABLE]
            document = self._documents.get(move.document)
            if document and receivable and all(line.mark for line in receivable):
                self._documents[move.document] = replace(
                    document,
                    state=DocumentState.PAID,
                    erp_state="paid",
                    modified_at=self._clock(),
                )


def _booked(account: str, amount: Decimal, party: str = "") -> JournalLine:
    return JournalLine(account, max(amount, ZERO), max(-amount, ZERO), "", party)
