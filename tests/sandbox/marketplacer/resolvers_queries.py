"""The root queries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from graphql import GraphQLError, GraphQLResolveInfo

from tests.sandbox.marketplacer.context import Caller, caller, find, operator_only, visible
from tests.sandbox.marketplacer.filters import advert_fits, invoice_fits, is_one_of, refund_fits
from tests.sandbox.marketplacer.ids import stamp
from tests.sandbox.marketplacer.paging import by_change, connection
from tests.sandbox.marketplacer.store import Doc

Info = GraphQLResolveInfo


def _mine(who: Caller, rows: Iterable[Doc]) -> Iterable[Doc]:
    return rows if who.seller is None else (row for row in rows if visible(who, row) is not None)


def _changed(who: Caller, kind: str, since: datetime | None) -> list[Doc]:
    """The caller's documents of a kind that changed at or after the moment, oldest change first."""
    limit = stamp(since) if since else ""
    rows = _mine(who, who.market.store.ordered(kind))
    return [row for row in rows if (row.get("updatedAt") or "") >= limit]


def _page(who: Caller, rows: Sequence[Doc], args: dict[str, Any]) -> Doc:
    return connection(rows, args, sort_key=by_change if who.keyset_cursors else None)


def node(_: Any, info: Info, id: str) -> Doc | None:
    """One object by its opaque id, or null."""
    return find(caller(info), id)


def nodes(_: Any, info: Info, ids: list[str]) -> list[Doc | None]:
    """Objects by opaque id, null where there is none, in the order asked for."""
    return [find(caller(info), id) for id in ids]


def all_adverts(_: Any, info: Info, **args: Any) -> Doc:
    """Products changed since a moment, published or not or deleted."""
    who = caller(info)
    return _page(who, _changed(who, "Advert", args.get("updatedSince")), args)


ADVERT_PAGING = {"first", "after"}


def adverts_where(_: Any, info: Info, **args: Any) -> Doc:
    """Published products by filter; at least one filter is required."""
    who = caller(info)
    filters = {name: value for name, value in args.items() if name not in ADVERT_PAGING}
    if not any(value is not None for value in filters.values()):
        raise GraphQLError("At least one filter must be given")
    rows = [
        row
        for row in _mine(who, who.market.store.ordered("Advert"))
        if not row.get("deleted") and row["published"] and advert_fits(who, row, filters)
    ]
    return connection(rows, args)


def invoices(_: Any, info: Info, **args: Any) -> Doc:
    """Invoices by filter, oldest change first unless a sort is given."""
    who = caller(info)
    filters = args.get("filters") or {}
    rows = [
        row
        for row in _mine(who, who.market.store.ordered("Invoice"))
        if invoice_fits(who, row, filters)
    ]
    sort = args.get("sort") or {}
    if sort.get("fields"):
        names = {"CREATED_AT": "createdAt", "PAID_AT": "paidAt"}
        fields = [names[field] for field in sort["fields"]]
        rows.sort(
            key=lambda row: (*(row[field] or "" for field in fields), row["number"]),
            reverse=sort.get("ordering") == "DESCENDING",
        )
        return connection(rows, args)
    return _page(who, rows, args)


def updated_orders(_: Any, info: Info, **args: Any) -> Doc:
    """Orders changed since a moment; operator keys only."""
    operator_only(info)
    who = caller(info)
    return _page(who, _changed(who, "Order", args.get("updatedSince")), args)


def refund_requests(_: Any, info: Info, **args: Any) -> Doc:
    """Refund requests by filter, oldest change first."""
    who = caller(info)
    filters = dict(args.get("filters") or {})
    if args.get("sellerId") is not None:
        filters["sellerId"] = args["sellerId"]
    rows = [
        row
        for row in _mine(who, who.market.store.ordered("RefundRequest"))
        if all(refund_fits(who, row, n, v) for n, v in filters.items() if v is not None)
    ]
    return _page(who, rows, args)


def external_ids(_: Any, info: Info, ownerType: str, **args: Any) -> list[Doc]:
    """Who carries a key and value."""
    operator_only(info)
    store = caller(info).market.store
    values = args.get("values") or ([args["value"]] if args.get("value") is not None else None)
    key = args.get("key")
    if key is not None and values is not None:
        owners = {n for v in values for n in store.external_ids.get((ownerType, key, v), ())}
    else:
        owners = set(store.docs.get(ownerType, {}))
    found = []
    for number in sorted(owners):
        owner = store.need(ownerType, number)
        for index, entry in enumerate(owner.get("externalIds", ())):
            wanted = key in (None, entry["key"]) and (values is None or entry["value"] in values)
            if wanted:
                opaque = {"number": number * 100 + index, "kind": "ExternalID"}
                found.append({**opaque, **entry, "owner": owner})
    return found


def all_sellers(_: Any, info: Info, **args: Any) -> Doc:
    """Sellers changed since a moment; deleted ones only on request."""
    who = caller(info)
    rows = _changed(who, "Seller", args.get("updatedSince"))
    if not args.get("includeDeleted"):
        rows = [row for row in rows if not row.get("deleted")]
    if args.get("accountType"):
        rows = [row for row in rows if row.get("accountType") == args["accountType"]]
    sort = args.get("sort") or {}
    if sort.get("field"):
        rows.sort(
            key=lambda row: (row["businessName"], row["number"]),
            reverse=sort.get("ordering") == "DESCENDING",
        )
        return connection(rows, args)
    return _page(who, rows, args)


def sellers_where(_: Any, info: Info, **args: Any) -> Doc:
    """Sellers by opaque id."""
    who = caller(info)
    ids = args.get("retailerIds")
    rows = [row for row in _changed(who, "Seller", None) if not row.get("deleted")]
    if ids is not None:
        rows = [row for row in rows if is_one_of("Seller", row["number"], ids)]
    return connection(rows, args)


def seller_search(_: Any, info: Info, **args: Any) -> Doc:
    """Sellers by part of the name or by change."""
    who = caller(info)
    wanted = args.get("attributes") or {}
    name = (wanted.get("businessName") or "").lower()
    rows = [
        row
        for row in _changed(who, "Seller", wanted.get("updatedSince"))
        if not row.get("deleted") and name in row["businessName"].lower()
    ]
    return {"sellers": lambda info, **page: connection(rows, page)}


def shipment_carriers(_: Any, info: Info, **args: Any) -> Doc:
    """The carriers a shipment may name."""
    return connection(caller(info).market.store.all("ShipmentCarrier"), args)


def api_key_principal(_: Any, info: Info) -> Doc:
    """Whose key this is."""
    who = caller(info)
    seller = None if who.seller is None else who.market.store.need("Seller", who.seller)
    mail = seller["emailAddress"] if seller else "operator@example.test"
    return {"name": who.name, "emailAddress": mail, "seller": seller}


def remittance_advices(_: Any, info: Info, **args: Any) -> Doc:
    """Payout documents, oldest first."""
    who = caller(info)
    return connection(list(_mine(who, who.market.store.all("RemittanceAdvice"))), args)


QUERIES = {
    "node": node,
    "nodes": nodes,
    "allAdverts": all_adverts,
    "advertsWhere": adverts_where,
    "invoices": invoices,
    "updatedOrders": updated_orders,
    "refundRequests": refund_requests,
    "externalIds": external_ids,
    "allSellers": all_sellers,
    "sellersWhere": sellers_where,
    "sellerSearch": seller_search,
    "shipmentCarriers": shipment_carriers,
    "apiKeyPrincipal": api_key_principal,
    "remittanceAdvices": remittance_advices,
}
