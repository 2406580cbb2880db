"""The mirror of the ERP's books: posted documents, periods, tax codes, and watched accounts.

Written by `sync.services.documents` and `sync.services.books` alone; whoever compares only reads.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from sync.models.orders import Invoice


class LedgerDocument(models.Model):
    """An invoice or credit note as the ERP holds it, in whatever state, ours or not.

    Negative where money goes back. Rewritten at each reading that differs.
    """

    class Kind(models.TextChoices):
        INVOICE = "invoice", "invoice"
        CREDIT_NOTE = "credit note", "credit note"

    class State(models.TextChoices):
        DRAFT = "draft", "draft"
        POSTED = "posted", "posted"
        PAID = "paid", "paid"
        CANCELLED = "cancelled", "cancelled"

    erp_ref = models.CharField(max_length=120, unique=True)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    state = models.CharField(max_length=20, choices=State.choices)
    erp_state = models.CharField(max_length=60)
    number = models.CharField(max_length=120, blank=True)
    key = models.CharField(max_length=200, blank=True)  # a credit note's own, else its order's
    order_key = models.CharField(max_length=200, blank=True)
    invoice = models.ForeignKey(Invoice, models.PROTECT, null=True, related_name="ledger_documents")
    reference = models.CharField(max_length=300, blank=True)
    party = models.CharField(max_length=120, blank=True)
    dated = models.DateField(null=True, blank=True)
    currency = models.CharField(max_length=3)
    net = models.DecimalField(max_digits=18, decimal_places=4)
    tax = models.DecimalField(max_digits=18, decimal_places=4)
    gross = models.DecimalField(max_digits=18, decimal_places=4)
    move_ref = models.CharField(max_length=120, blank=True)
    # What it says, but for being paid: another one after posting is an edit.
    fingerprint = models.CharField(max_length=64)
    touched_at = models.DateTimeField()  # when a reading last differed from the one before
    edited_at = models.DateTimeField(null=True, blank=True)
    edits = models.JSONField(default=list)  # [{"at", "words"}], oldest first

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["order_key"], name="ledgerdocument_order"),
            models.Index(fields=["key"], name="ledgerdocument_key"),
            models.Index(fields=["dated"], name="ledgerdocument_dated"),
            models.Index(fields=["touched_at"], name="ledgerdocument_touched"),
        ]

    def __str__(self) -> str:
        return self.number or self.erp_ref


class LedgerDocumentLine(models.Model):
    document = models.ForeignKey(LedgerDocument, models.CASCADE, related_name="lines")
    erp_ref = models.CharField(max_length=120)
    line_key = models.CharField(max_length=200, blank=True)  # empty: made by the ERP's people
    sku = models.CharField(max_length=200, blank=True)
    description = models.TextField(blank=True)
    quantity = models.DecimalField(max_digits=14, decimal_places=4)
    net = models.DecimalField(max_digits=18, decimal_places=4)
    tax = models.DecimalField(max_digits=18, decimal_places=4)
    tax_code = models.CharField(max_length=300, blank=True)  # several: joined with commas
    account = models.CharField(max_length=100, blank=True)

    class Meta:
        ordering: ClassVar = ["document", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["document", "erp_ref"], name="ledgerline_once")
        ]

    def __str__(self) -> str:
        return f"{self.line_key or self.description} of {self.document_id}"


class LedgerDocumentTax(models.Model):
    """A document's total for one tax code, as it stands in the ledger."""

    document = models.ForeignKey(LedgerDocument, models.CASCADE, related_name="taxes")
    tax_code = models.CharField(max_length=100)
    base = models.DecimalField(max_digits=18, decimal_places=4)
    amount = models.DecimalField(max_digits=18, decimal_places=4)
    account = models.CharField(max_length=100, blank=True)
    by_hand = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["document", "tax_code"]

    def __str__(self) -> str:
        return f"{self.tax_code} of {self.document_id}"


class AccountLine(models.Model):
    """A posted ledger line on an account that we explain to the cent, whoever made it."""

    erp_ref = models.CharField(max_length=120, unique=True)
    move_ref = models.CharField(max_length=120)
    move_number = models.CharField(max_length=120, blank=True)
    posting_date = models.DateField()
    account = models.CharField(max_length=100)
    party = models.CharField(max_length=120, blank=True)
    debit = models.DecimalField(max_digits=18, decimal_places=4)
    credit = models.DecimalField(max_digits=18, decimal_places=4)
    memo = models.TextField(blank=True)
    journal_key = models.CharField(max_length=200, blank=True)
    document_ref = models.CharField(max_length=120, blank=True)
    read_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-posting_date", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["account", "-posting_date", "-id"], name="accountline_account"),
            models.Index(fields=["journal_key"], name="accountline_journal"),
            models.Index(fields=["document_ref"], name="accountline_document"),
        ]

    def __str__(self) -> str:
        return self.memo or self.move_number


class AccountBalance(models.Model):
    """What the ERP itself said an account's balance was, up to and with a day."""

    account = models.CharField(max_length=100)
    on_date = models.DateField()
    amount = models.DecimalField(max_digits=18, decimal_places=4)  # debit less credit
    read_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["account", "-on_date"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "on_date"], name="accountbalance_once")
        ]

    def __str__(self) -> str:
        return f"{self.account} on {self.on_date}"


class ErpPeriod(models.Model):
    """An accounting period of the ERP, which is the authority for its periods."""

    name = models.CharField(max_length=120)
    start = models.DateField(unique=True)
    end = models.DateField()
    state = models.CharField(max_length=20)  # a PeriodState: open, closed, locked
    read_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["start"]

    def __str__(self) -> str:
        return self.name


class ErpTaxCode(models.Model):
    """A tax code as the ERP had it when last read. Gone ones stay, with since when."""

    code = models.CharField(max_length=100, unique=True)
    rate = models.DecimalField(max_digits=7, decimal_places=4)
    account = models.CharField(max_length=100, blank=True)
    usable = models.BooleanField(default=True)  # not retired
    gone_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["code"]

    def __str__(self) -> str:
        return self.code


class SweptOrder(models.Model):
    """One order of a day as both far sides answered when they were asked for that day."""

    day = models.DateField()  # it was placed on, company time zone
    marketplacer_id = models.CharField(max_length=120, unique=True)
    seller_key = models.CharField(max_length=120, blank=True)  # Marketplacer's id of the seller
    at_marketplacer = models.BooleanField()
    gross_minor = models.BigIntegerField(null=True)  # as Marketplacer says; null: not there
    currency = models.CharField(max_length=3, blank=True)
    erp_phase = models.CharField(max_length=20, blank=True)  # empty: the ERP does not know it
    asked_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-day", "id"]
        indexes: ClassVar = [models.Index(fields=["day"], name="sweptorder_day")]

    def __str__(self) -> str:
        return self.marketplacer_id


class DaySweep(models.Model):
    """When both sides were last asked for a day, and how many orders each named."""

    day = models.DateField(unique=True)
    asked_at = models.DateTimeField()
    at_marketplacer = models.PositiveIntegerField()
    in_erp = models.PositiveIntegerField()

    class Meta:
        ordering: ClassVar = ["-day"]

    def __str__(self) -> str:
        return f"sweep of {self.day}"


class LateChoice(models.Model):
    """What finance decided about an order of a closed period. One decision an order."""

    class Choice(models.TextChoices):
        NEXT = "NEXT", "post to the next open period"
        REOPEN = "REOPEN", "the period was reopened"

    invoice = models.OneToOneField(Invoice, models.PROTECT, related_name="late_choice")
    choice = models.CharField(max_length=20, choices=Choice.choices)
    period = models.DateField()  # the first day of the period it came too late for
    reason = models.TextField()
    made_by = models.ForeignKey("core.User", models.PROTECT, related_name="+")
    made_at = models.DateTimeField()

    class Meta:
        permissions: ClassVar = [("make_latechoice", "Can choose what becomes of a late order")]
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(name="latechoice_says_why", condition=~Q(reason=""))
        ]

    def __str__(self) -> str:
        return f"{self.invoice_id}: {self.get_choice_display()}"
