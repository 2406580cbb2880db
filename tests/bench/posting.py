"""Order posting: what mkterp adds to the ERP's own best batched rate, on a real Tryton.

Both sides post orders of the same content in the same batches. The bare side creates, quotes and
confirms and does nothing else; ours claims, looks the keys up, posts, reads back, compares,
mirrors and records.
"""

import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from django.utils import timezone

from mkterp import postgres
from sync import connections
from sync.domain.documents import (
    Address,
    FulfilledBy,
    LineKind,
    OrderDraft,
    OrderLine,
    Treatment,
)
from sync.erp.tryton import TrytonErp
from sync.erp.tryton.sales import sale_values, skus_of
from sync.models import InboxMessage, Invoice, Order, OutboxMessage
from sync.services import deliveries, frozen, outbox
from sync.services.outbox import Parcel
from tests.bench.frame import Row, alternate
from tests.sandbox.catalogue import build
from tests.sandbox.erp import running_tryton

BATCH = 40


def draft(sku: str) -> OrderDraft:
    key = uuid.uuid4().hex
    line = OrderLine(
        key="line-1",
        kind=LineKind.GOODS,
        sku=sku,
        description="Bench",
        quantity=Decimal(2),
        unit_price=Decimal("25.0000"),
        net=Decimal("50.00"),
        tax=Decimal("10.00"),
        tax_code="GB-STD",
    )
    return OrderDraft(
        key=key,
        reference=f"INV-{key[:8]}",
        placed_at=datetime.now(UTC),
        currency="GBP",
        treatment=Treatment.AGENT,
        fulfilled_by=FulfilledBy.SELLER,
        ship_to=Address("Ana Example", "1 Sample Street", "Exampleton", "EX1 1AA", "", "GB"),
        lines=(line, replace(line, key="line-2")),
        net=Decimal("100.00"),
        tax=Decimal("20.00"),
        gross=Decimal("120.00"),
    )


def queue(drafts: list[OrderDraft]) -> None:
    """Invoices with their messages, as the decider leaves them."""
    now = timezone.now()
    source = InboxMessage.objects.create(
        source="NODE",
        identity=uuid.uuid4().hex,
        body={},
        received_at=now,
        not_before=now,
        state="DONE",
    )
    parcels = [
        Parcel(
            lane=OutboxMessage.Lane.ERP,
            operation="post_order",
            key=draft.key,
            stream=f"order:{draft.key}",
            reference=draft.reference,
            payload=frozen.freeze(draft),
        )
        for draft in drafts
    ]
    living = outbox.enqueue(parcels=parcels, at=now)
    for draft in drafts:
        Invoice.objects.create(
            marketplacer_id=draft.key,
            legacy_id=1,
            order=Order.objects.create(marketplacer_id=draft.key),
            state=Invoice.State.QUEUED,
            delivery_type="BUY_ONLINE",
            placed_at=now,
            changed_at=now,
            currency="GBP",
            gross=draft.gross,
            tax=draft.tax,
            source=source,
            posting=living["post_order", draft.key],
        )


def _ours(sku: str) -> float:
    queue([draft(sku) for _ in range(BATCH)])
    began = time.perf_counter()
    arrived = deliveries.deliver(lane=OutboxMessage.Lane.ERP, clock=timezone.now)
    seconds = time.perf_counter() - began
    if arrived != BATCH:
        raise RuntimeError(f"only {arrived} of {BATCH} orders arrived")
    return BATCH / seconds


def _bare(erp: TrytonErp, sku: str) -> float:
    book = erp._book
    drafts = [draft(sku) for _ in range(BATCH)]
    products = book.products(skus_of(drafts[0], book.names))
    values = [sale_values(one, book.get(), products, book.names) for one in drafts]
    began = time.perf_counter()
    ids = erp._client.write("model.sale.sale.create", values)
    erp._client.write("model.sale.sale.quote", ids)
    erp._client.write("model.sale.sale.confirm", ids)
    seconds = time.perf_counter() - began
    return BATCH / seconds


def rows() -> list[Row]:
    cluster = postgres.Cluster(postgres.default_data_dir())
    sku = next(item.sku for item in build(7).erp_items if item.active)
    with running_tryton(
        pg_uri=cluster.ensure(), pg_bin=cluster.bin_dir, database="bench_erp"
    ) as tryton:
        names = ("url", "database", "user", "password")
        erp = TrytonErp(**{name: tryton.info[name] for name in names})
        connections._erp = lambda: erp  # type: ignore[assignment]
        _ours(sku), _bare(erp, sku)  # what is looked up once
        ours, bare = alternate(lambda: _ours(sku), lambda: _bare(erp, sku), 5)
        erp.close()
    return [
        Row(
            name="order posting",
            ours=round(ours, 2),
            against=f"create, quote and confirm alone, batches of {BATCH}",
            other=round(bare, 2),
            unit="orders/s",
            ratio=round(ours / bare, 3),
            target="at least 0.90 of Tryton's own rate",
            holds=ours / bare >= 0.9,
        )
    ]
