"""Where a buyer's personal data stands in what we keep, and what is left of it afterwards. Pure.

GDPR articles 5(1)(e), 15 and 17: kept no longer than needed, told to the person who asks, erased.
"""

from collections.abc import Mapping
from typing import Any

GONE = "[redacted]"

# Marketplacer's names for a person (Order, Invoice and RefundRequest of its schema).
_PERSON = frozenset(
    {
        "billingFirstName", "billingSurname", "buyerEmailAddress", "buyerFirstName",
        "buyerMessageToSeller", "buyerName", "buyerPhone", "buyerSurname", "emailAddress",
        "firstName", "phone", "surname",
    }
)  # fmt: skip
# Its names for where a person lives, and ours in the document for the ERP.
_PLACES = frozenset({"billingAddress", "buyerBillingAddress", "shippingAddress", "ship_to"})
# What taxes hang on stays: a country names nobody.
_STAYS = frozenset({"__typename", "country"})


def redacted(body: Any) -> Any:
    """The same JSON value without the person: every name, address and number to reach them is GONE.

    Money, lines, dates, ids and the country stay as they are. Twice is the same as once.
    """
    if isinstance(body, Mapping):
        return {key: _value(key, value) for key, value in body.items()}
    if isinstance(body, list):
        return [redacted(value) for value in body]
    return body


def _value(key: str, value: Any) -> Any:
    if key in _PERSON:
        return GONE if value else value
    if key in _PLACES:
        return _blank(value)
    return redacted(value)


def _blank(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: v if key in _STAYS else _blank(v) for key, v in value.items()}
    return GONE if value and isinstance(value, str) else value
