"""The guard over whole catalogues and over single claims: what may be written, and what was not.

`sync.domain.guard.decide` decides; here stand the facts it asks for. A catalogue has many listings
and few different situations: a seller without narrower rules is asked about once in each situation
and the answer is joined to its listings; only sellers whose rules look inside are asked listing by
listing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from mapping.domain.ownership import Field, ListingFacts, Rules, Scope
from mapping.models import Listing, Seller, SkuMapping
from mapping.selectors.ownership import rules_in_force
from sync.domain.guard import NOT_MAPPED, Facts, Permit, Verdict, decide, permit
from sync.models import ListingStock, OutboxMessage

State = OutboxMessage.State
INSIDE = {Scope.BRAND, Scope.SKU_PREFIX, Scope.LISTING}


def stream_of(listing_id: int) -> str:
    return f"stock:{listing_id}"


@dataclass(frozen=True)
class Subject:
    """A listing with what the guard said of writing its stock."""

    listing_id: int
    marketplacer_id: str
    seller_id: int
    answer: Permit | Verdict


def stock_permits(*, listing_ids: Sequence[int], at: datetime) -> dict[int, Subject]:
    """The guard's answer for each of these listings, by the rules and facts of this moment."""
    in_force = SkuMapping.objects.filter(
        listing=OuterRef("pk"), state=SkuMapping.State.CONFIRMED
    ).in_force(at)
    infinite = ListingStock.objects.filter(listing=OuterRef("pk"), infinite=True)
    listings = list(
        Listing.objects.filter(pk__in=listing_ids)
        .select_related("seller")
        .annotate(mapped=Exists(in_force), infinite=Exists(infinite))
        .order_by("pk")
    )
    rules = rules_in_force(seller_ids={listing.seller_id for listing in listings}, at=at)
    return {
        listing.pk: Subject(
            listing.pk,
            listing.marketplacer_id,
            listing.seller_id,
            permit(
                Field.STOCK,
                listing.marketplacer_id,
                Facts(
                    ListingFacts(
                        listing.seller_id,
                        listing.pk,
                        listing.sku,
                        listing.brand,
                        listing.deleted or listing.seller.deleted,
                    ),
                    listing.mapped,
                    listing.published,
                    listing.infinite,
                ),
                rules[listing.seller_id],
                at,
            ),
        )
        for listing in listings
    }


def lay_out(*, at: datetime) -> None:
    """Write the guard's answers for all sellers into temporary tables, to be joined (see ANSWER).

    Inside a transaction; they go with it.
    """
    sellers = list(Seller.objects.order_by("pk").values_list("pk", flat=True))
    rules = rules_in_force(seller_ids=sellers, at=at)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE guard_seller (seller_id bigint, deleted bool, published bool,"
            " infinite bool, code text, PRIMARY KEY (seller_id, deleted, published, infinite))"
            " ON COMMIT DROP;"
            "CREATE TEMP TABLE guard_listing (listing_id bigint PRIMARY KEY, code text)"
            " ON COMMIT DROP"
        )
        with cursor.copy("COPY guard_seller FROM STDIN") as copy:
            for seller, (deleted, published, infinite) in product(
                sellers, product((False, True), repeat=3)
            ):
                listing = ListingFacts(seller, 0, deleted=deleted)
                facts = Facts(listing, True, published, infinite)
                code = decide(Field.STOCK, facts, rules[seller], at).code
                copy.write_row((seller, deleted, published, infinite, code))
    inside = {
        seller: its
        for seller, its in rules.items()
        if any(rule.scope in INSIDE for rule in its.stock)
    }
    if inside:
        _lay_out_inside(inside, at)


def _lay_out_inside(rules: Mapping[int, Rules], at: datetime) -> None:
    """Ask about every mapped listing of sellers whose rules tell one listing from another."""
    wide = {s: [r for r in its.stock if r.scope != Scope.LISTING] for s, its in rules.items()}
    single = {
        rule.listing_id: rule
        for its in rules.values()
        for rule in its.stock
        if rule.scope == Scope.LISTING
    }
    stock = ListingStock.objects.filter(listing__seller__in=rules, infinite=True)
    endless = set(stock.values_list("listing_id", flat=True))
    mapped = SkuMapping.objects.filter(listing=OuterRef("pk"), state=SkuMapping.State.CONFIRMED)
    rows = Listing.objects.filter(Exists(mapped), seller__in=rules).values_list(
        "pk", "seller_id", "sku", "brand", "deleted", "seller__deleted", "published"
    )
    with connection.cursor() as cursor:
        batch: list[tuple[int, str]] = []
        for pk, seller, sku, brand, gone, seller_gone, published in rows.iterator(chunk_size=5000):
            listing = ListingFacts(seller, pk, sku, brand, gone or seller_gone)
            facts = Facts(listing, True, published, pk in endless)
            few = Rules([*wide[seller], *([single[pk]] if pk in single else [])])
            batch.append((pk, decide(Field.STOCK, facts, few, at).code))
            if len(batch) == 5000:
                _keep(cursor, batch)
                batch.clear()
        _keep(cursor, batch)


def _keep(cursor: Any, answers: Sequence[tuple[int, str]]) -> None:
    cursor.execute(
        "INSERT INTO guard_listing SELECT * FROM unnest(%s::bigint[], %s::text[])",
        [[pk for pk, _ in answers], [code for _, code in answers]],
    )


# To be used beside `listing` (mapping_listing), `owner` (mapping_seller), `stock` (the listing's
# ListingStock or nothing) and `mapped` (the mapping in force or nothing).
ANSWER_JOINS = """
  LEFT JOIN guard_listing ON guard_listing.listing_id = listing.id
  LEFT JOIN guard_seller ON guard_seller.seller_id = listing.seller_id
       AND guard_seller.deleted = (listing.deleted OR owner.deleted)
       AND guard_seller.published = listing.published
       AND guard_seller.infinite = COALESCE(stock.infinite, false)
"""
ANSWER = (
    "CASE WHEN mapped.item_id IS NULL AND COALESCE(guard_listing.code, guard_seller.code) = ''"
    f" THEN '{NOT_MAPPED}' ELSE COALESCE(guard_listing.code, guard_seller.code, 'no_rule') END"
)

_COUNT = """
INSERT INTO sync_preventedwrite (day, seller_id, field, reason, times, last_at, last_listing_id)
SELECT %(day)s, seller, %(field)s, reason, count(*), %(at)s, max(listing)
  FROM unnest(%(sellers)s::bigint[], %(listings)s::bigint[], %(reasons)s::text[])
       AS given(seller, listing, reason)
 GROUP BY seller, reason
 ORDER BY seller, reason
ON CONFLICT (day, seller_id, field, reason) DO UPDATE
   SET times = sync_preventedwrite.times + excluded.times,
       last_at = excluded.last_at, last_listing_id = excluded.last_listing_id
"""


def count_prevented(*, field: Field, refused: Sequence[tuple[int, int, str]], at: datetime) -> None:
    """Count writes that the guard forbade: (seller, listing, code) each."""
    if not refused:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _COUNT,
            {
                "day": at.astimezone(settings.COMPANY_TIME_ZONE).date(),
                "field": str(field),
                "at": at,
                "sellers": [row[0] for row in refused],
                "listings": [row[1] for row in refused],
                "reasons": [row[2] for row in refused],
            },
        )


@transaction.atomic
def recheck_pending(*, seller_ids: Iterable[int], listing_ids: Iterable[int], at: datetime) -> int:
    """A rule changed: supersede at once what may not be written any more; returns how many.

    Runs inside the transaction of the change. What a worker has already claimed may be on the
    wire: it is read back as soon as it can have arrived.
    """
    sellers, listings = list(seller_ids), list(listing_ids)
    waiting = list(
        OutboxMessage.objects.select_for_update(no_key=True, of=("self",))
        .filter(lane=OutboxMessage.Lane.STOCK, state__in=[State.PENDING, State.IN_FLIGHT])
        .extra(  # the stream names the listing; the planner needs the join spelled out
            where=[
                "stream IN (SELECT 'stock:' || id FROM mapping_listing"
                " WHERE seller_id = ANY(%s) OR id = ANY(%s))"
            ],
            params=[sellers, listings],
        )
        .order_by("pk")
    )
    by_listing = {int(message.stream.removeprefix("stock:")): message for message in waiting}
    answers = stock_permits(listing_ids=list(by_listing), at=at)
    refused: list[tuple[int, int, str]] = []
    flying: list[int] = []
    for pk, subject in answers.items():
        if isinstance(subject.answer, Permit):
            continue
        if by_listing[pk].state == State.IN_FLIGHT:
            flying.append(pk)
            continue
        supersede(by_listing[pk], f"The guard: {subject.answer.reason}.")
        refused.append((subject.seller_id, pk, subject.answer.code))
    count_prevented(field=Field.STOCK, refused=refused, at=at)
    ListingStock.objects.filter(listing__in=[pk for _, pk, _ in refused]).update(due_at=None)
    ListingStock.objects.filter(listing__in=flying).update(look_at=at, due_at=None)
    return len(refused)


def supersede(message: OutboxMessage, reason: str) -> None:
    """This message will not be sent, and why."""
    message.state, message.last_error = State.SUPERSEDED, reason
    message.lease, message.lease_until = None, None
    message.save(update_fields=["state", "last_error", "lease", "lease_until"])
