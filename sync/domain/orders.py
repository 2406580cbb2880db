"""An invoice as we understand it, and its translation: an order draft, or every reason why not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from mkterp.core.money import from_minor
from sync.domain.cases import CaseKind
from sync.domain.documents import Address, FulfilledBy, OrderDraft, Treatment
from sync.domain.marketplace import InvoiceLineValue, InvoiceValue
from sync.domain.order_lines import MappedItem, TaxRule, order_lines
from sync.domain.shipping import (
    AS_CHARGED,
    ShippingPolicy,
    ShippingRule,
    Spread,
    charged_shipping,
    goods_rate,
)
from sync.domain.tax import Arithmetic

__all__ = [
    "AS_CHARGED",
    "Blocker",
    "MappedItem",
    "SellerFacts",
    "ShippingPolicy",
    "ShippingRule",
    "Spread",
    "TaxRule",
    "translate",
]


@dataclass(frozen=True)
class SellerFacts:
    """What the rules in force say about a seller; None where there is no rule."""

    marketplacer_id: str
    name: str
    treatment: Treatment | None
    fulfilled_by: FulfilledBy | None


@dataclass(frozen=True)
class Blocker:
    """One cause why an invoice cannot be posted; `key` names the cause, not the invoice."""

    kind: CaseKind
    key: str
    cause: str
    variant_id: str = ""


def translate(
    invoice: InvoiceValue,
    *,
    currency: str,
    seller: SellerFacts | None,
    items: Mapping[str, MappedItem],
    taxes: Sequence[TaxRule],
    arithmetic: Arithmetic,
    shipping: ShippingPolicy = AS_CHARGED,
) -> OrderDraft | list[Blocker]:
    """The sales document for an invoice, or every cause that stands in its way.

    Never half a document: with one blocker there is no draft. `items` maps Marketplacer variant
    ids to the mapping in force when the order was placed; `taxes` are the rules for the delivery
    country at that time; `arithmetic` is how the ERP rounds. The document is
    what the customer paid; its tax is the marketplace's wherever whole net amounts reach both, and
    in an agent's sale, which goes on to its seller, whatever they reach.
    """
    blockers = _blockers(invoice, seller, items, taxes, shipping)
    if blockers or seller is None or seller.treatment is None or seller.fulfilled_by is None:
        return blockers
    lines = order_lines(
        invoice,
        currency=currency,
        items=items,
        taxes=taxes,
        arithmetic=arithmetic,
        policy=shipping,
        passed_on=seller.treatment is Treatment.AGENT,
    )
    net = sum((line.net for line in lines), Decimal())
    predicted = sum((line.tax for line in lines), Decimal())
    return OrderDraft(
        key=invoice.marketplacer_id,
        reference=f"INV-{invoice.legacy_id}",
        placed_at=invoice.created_at,
        currency=currency,
        treatment=seller.treatment,
        fulfilled_by=seller.fulfilled_by,
        ship_to=_ship_to(invoice),
        lines=tuple(lines),
        net=net,
        tax=predicted,
        gross=net + predicted,
        attributes=_attributes(invoice, seller, currency),
    )


def _blockers(
    invoice: InvoiceValue,
    seller: SellerFacts | None,
    items: Mapping[str, MappedItem],
    taxes: Sequence[TaxRule],
    policy: ShippingPolicy,
) -> list[Blocker]:
    number = f"INV-{invoice.legacy_id}"
    rates = [rule.marketplace_rate for rule in taxes]
    found: list[Blocker] = []
    if seller is None:
        found.append(
            Blocker(
                CaseKind.UNKNOWN_SELLER,
                f"seller:{invoice.seller_id}",
                f"{number} is by a seller we have not read ({invoice.seller_name or 'no name'}).",
            )
        )
    else:
        if seller.treatment is None:
            found.append(
                Blocker(
                    CaseKind.NO_TREATMENT,
                    f"treatment:{seller.marketplacer_id}",
                    f"Nobody has said whether {seller.name} sells for us or for itself.",
                )
            )
        if seller.fulfilled_by is None:
            found.append(
                Blocker(
                    CaseKind.NO_FULFILMENT_RULE,
                    f"fulfilment:{seller.marketplacer_id}",
                    f"Nobody has said who dispatches the orders of {seller.name}.",
                )
            )
    if invoice.shipping_address is None and invoice.delivery_type == "BUY_ONLINE":
        found.append(
            Blocker(CaseKind.NO_ADDRESS, f"address:{number}", f"{number} has no delivery address.")
        )
    if not invoice.lines:
        found.append(Blocker(CaseKind.MONEY_MISMATCH, f"money:{number}", f"{number} has no lines."))
    seller_name = seller.name if seller else invoice.seller_name
    for line in invoice.lines:
        found.extend(_line_blockers(invoice, line, seller_name, items, rates))
    found.extend(_money_blockers(invoice, rates, policy))
    return found


def _line_blockers(
    invoice: InvoiceValue,
    line: InvoiceLineValue,
    seller_name: str,
    items: Mapping[str, MappedItem],
    rates: Sequence[Decimal],
) -> list[Blocker]:
    number, line_key = f"INV-{invoice.legacy_id}", f"line:{line.marketplacer_id}"
    found: list[Blocker] = []
    if not line.variant_id:
        found.append(
            Blocker(
                CaseKind.LINE_WITHOUT_PRODUCT,
                line_key,
                f"A line of {number} ({line.title or 'no title'}) names no variant.",
            )
        )
    elif line.variant_id not in items:
        sku = f"lists {line.sku}" if line.sku else "lists a variant without SKU"
        found.append(
            Blocker(
                CaseKind.UNMAPPED_SKU,
                f"sku:{line.variant_id}",
                f"{seller_name} {sku} ({line.title}), and no ERP item is mapped to it.",
                line.variant_id,
            )
        )
    if line.quantity <= 0 or line.quantity != line.quantity.to_integral_value():
        found.append(
            Blocker(
                CaseKind.BAD_QUANTITY,
                line_key,
                f"{number} orders {line.quantity:f} of {line.sku or line.title}.",
            )
        )
    if goods_rate(line, rates) is None:
        found.append(_unmapped_tax(invoice, line))
    return found


def _unmapped_tax(invoice: InvoiceValue, line: InvoiceLineValue) -> Blocker:
    country = _country(invoice)
    rate = f"{line.tax_rate:f}" if line.tax_rate is not None else f"of line {line.marketplacer_id}"
    return Blocker(
        CaseKind.UNMAPPED_TAX_CODE,
        f"tax:{country}:{rate}",
        f"The marketplace's tax rate {rate} for {country or 'no country'} has no ERP tax.",
    )


def _money_blockers(
    invoice: InvoiceValue, rates: Sequence[Decimal], policy: ShippingPolicy
) -> list[Blocker]:
    number = f"INV-{invoice.legacy_id}"
    lines = sum(line.total_minor for line in invoice.lines)
    postage = sum(line.postage_minor for line in invoice.lines)
    found: list[Blocker] = []
    if lines + postage != invoice.total_minor:
        found.append(
            Blocker(
                CaseKind.MONEY_MISMATCH,
                f"money:{number}",
                f"{number}: lines {lines} and postage {postage} are not the total "
                f"{invoice.total_minor} (minor units).",
            )
        )
    if any(line.total_minor < 0 or line.postage_minor < 0 for line in invoice.lines):
        found.append(
            Blocker(CaseKind.MONEY_MISMATCH, f"money:{number}", f"{number} has a negative line.")
        )
    country = _country(invoice)
    if postage and policy.flat_rate is not None and policy.flat_rate not in rates:
        found.append(
            Blocker(
                CaseKind.UNMAPPED_TAX_CODE,
                f"tax:{country}:{policy.flat_rate:f}",
                f"Finance's flat rate {policy.flat_rate:f} for shipping to "
                f"{country or 'no country'} has no ERP tax.",
            )
        )
    if postage and charged_shipping(invoice, rates) is None:
        found.append(
            Blocker(
                CaseKind.UNMAPPED_TAX_CODE,
                f"tax:{country}:postage of {number}",
                f"The tax on the postage of {number} fits no mapped rate for {country}.",
            )
        )
    return found


def _country(invoice: InvoiceValue) -> str:
    return invoice.shipping_address.country if invoice.shipping_address else ""


def _ship_to(invoice: InvoiceValue) -> Address:
    to = invoice.shipping_address
    name = f"{invoice.buyer_first_name} {invoice.buyer_surname}".strip()
    if to is None:  # collected or nothing to dispatch
        return Address(name, "", "", "", "", "")
    return Address(name, to.street, to.city, to.postcode, to.state, to.country)


def _attributes(invoice: InvoiceValue, seller: SellerFacts, currency: str) -> dict[str, str]:
    commission = sum(line.commission_minor for line in invoice.lines)
    charged = sum(line.tax_minor + line.postage_tax_minor for line in invoice.lines)
    discount = sum(line.discount_minor for line in invoice.lines)
    facts = {
        "Marketplacer order": str(invoice.order.legacy_id or ""),
        "Marketplacer invoice": str(invoice.legacy_id),
        "Seller": seller.name,
        "Delivery": invoice.delivery_type,
        "Commission": f"{from_minor(commission, currency)} {currency}",
        "Tax as charged": f"{from_minor(charged, currency)} {currency}",
        "Discount": f"{from_minor(discount, currency)} {currency}",
    }
    return facts | {f"External id {key}": value for key, value in invoice.external_ids.items()}
