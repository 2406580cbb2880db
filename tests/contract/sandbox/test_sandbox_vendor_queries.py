"""What the vendor's own published clients ask must validate here and be answered.

The operations say what marketplacer/seller-integration-nodejs and binarythistle/mp-order-creator
say, in our own words and layout.
"""

import pytest
from graphql import parse, validate

from tests.sandbox.marketplacer.execution import schema

SELLER_KEY = "sandbox-seller-54"

UNSHIPPED_INVOICES = """
query UnshippedInvoices($first: Int, $after: String, $filters: InvoiceFilters, $sort: InvoiceSort) {
  invoices(first: $first, after: $after, filters: $filters, sort: $sort) {
    totalCount
    pageInfo { hasNextPage endCursor }
    nodes {
      id legacyId createdAt
      buyerFirstName buyerSurname buyerPhone buyerEmailAddress
      shippingAddress { address city postcode state { short } }
      seller { businessName }
      lineItems { id variantSku variantBarcode variantName quantity }
    }
  }
}
"""
TO_SHIP = """
  id legacyId statusFlags
  lineItems { id legacyId quantity variantId status }
  shipments {
    id carrier trackingNumber trackingLink
    shippedItems { id quantity lineItem { id } }
  }
"""
INVOICE_BY_ID = (
    f"query InvoiceById($id: ID!) {{ node(id: $id) {{ ... on Invoice {{ {TO_SHIP} }} }} }}"
)
INVOICE_BY_NUMBER = f"""
query InvoiceByNumber($first: Int, $filters: InvoiceFilters) {{
  invoices(first: $first, filters: $filters) {{ totalCount nodes {{ {TO_SHIP} }} }}
}}
"""
CARRIERS = """
query Carriers($pageSize: Int, $endCursor: String) {
  shipmentCarriers(first: $pageSize, after: $endCursor) {
    totalCount
    pageInfo { hasNextPage endCursor }
    nodes { id name }
  }
}
"""
DISPATCH = """
mutation Dispatch($input: ShipmentCreateMutationInput!) {
  shipmentCreate(input: $input) { shipment { id } errors { field messages } }
}
"""
KEY_HOLDER = "query KeyHolder { apiKeyPrincipal { name emailAddress seller { id businessName } } }"
SELLERS_PRODUCTS = """
query SellersProducts($pageSize: Int, $endCursor: String, $sellerIds: [ID!]) {
  advertsWhere(first: $pageSize, after: $endCursor, retailerIds: $sellerIds) {
    totalCount
    pageInfo { hasNextPage endCursor }
    nodes { id }
  }
}
"""
PRODUCT_UPSERT = """
mutation ProductUpsert($input: AdvertUpsertMutationInput!) {
  advertUpsert(input: $input) { status advert { id legacyId } errors { field messages } }
}
"""
ACTIVE_SELLERS = """
query ActiveSellers($pageSize: Int, $endCursor: String) {
  allSellers(
    first: $pageSize, after: $endCursor, includeDeleted: false, accountType: RETAILER,
    sort: {field: BUSINESS_NAME, ordering: ASCENDING}
  ) {
    totalCount
    pageInfo { hasNextPage endCursor }
    nodes { ... on Seller { id legacyId businessName online } }
  }
}
"""
BUYABLE_PRODUCTS = """
query BuyableProducts($pageSize: Int, $endCursor: String, $sellerIds: [ID!]) {
  advertsWhere(
    first: $pageSize, after: $endCursor, retailerIds: $sellerIds,
    status: DISPLAYED, stockStatus: HAS_STOCK
  ) {
    totalCount
    pageInfo { hasNextPage endCursor }
    nodes { id legacyId title variants { nodes { id countOnHand lowestPriceCents } } }
  }
}
"""
ORDER = """
mutation Order($variantId: ID!, $amount: Int!, $firstName: String, $surname: String) {
  orderCreate(input: {
    order: {
      firstName: $firstName, surname: $surname, phone: "07700900001",
      emailAddress: "buyer@example.test",
      billingFirstName: $firstName, billingSurname: $surname,
      billingEmailAddress: "buyer@example.test", billingPhone: "07700900001",
      address: {
        address: "1 Sample Street", city: "Leeds", postcode: "LS1 1AA",
        country: {code: "GB"}, state: {name: "West Yorkshire"}
      },
      billingAddress: {
        address: "1 Sample Street", city: "Leeds", postcode: "LS1 1AA",
        country: {code: "GB"}, state: {name: "West Yorkshire"}
      }
    },
    lineItems: [{variantId: $variantId, quantity: 1, cost: {amount: $amount}}]
  }) {
    order { id legacyId invoices { nodes { id legacyId } } }
    errors { field messages }
  }
}
"""
ALL = (UNSHIPPED_INVOICES, INVOICE_BY_ID, INVOICE_BY_NUMBER, CARRIERS, DISPATCH, KEY_HOLDER,
       SELLERS_PRODUCTS, PRODUCT_UPSERT, ACTIVE_SELLERS, BUYABLE_PRODUCTS, ORDER)  # fmt: skip


@pytest.mark.parametrize("operation", ALL, ids=lambda text: text.split("(")[0].split()[1])
def test_the_vendors_operations_validate_against_the_schema(operation):
    assert validate(schema(), parse(operation)) == []


def test_the_sellers_client_finds_an_invoice_and_ships_it(sandbox, ask):
    line = next(v for v in sandbox.catalogue.variants if v.seller_legacy_id == 54 and v.stock > 2)
    sandbox.place_order([{"variant_legacy_id": line.legacy_id, "quantity": 2}])
    variables = {
        "first": 10,
        "after": None,
        "filters": {"notDispatched": True, "paidSince": "2023-09-26T09:15:49Z"},
        "sort": {"fields": "CREATED_AT", "ordering": "ASCENDING"},
    }
    page = ask(UNSHIPPED_INVOICES, key=SELLER_KEY, **variables)["data"]["invoices"]
    assert page["totalCount"] == 1
    found = page["nodes"][0]
    assert found["seller"]["businessName"] == "Northfell Outdoor"

    by_number = {"first": 1, "filters": {"legacyId": found["legacyId"]}}
    assert (
        ask(INVOICE_BY_NUMBER, key=SELLER_KEY, **by_number)["data"]["invoices"]["totalCount"] == 1
    )
    invoice = ask(INVOICE_BY_ID, key=SELLER_KEY, id=found["id"])["data"]["node"]
    assert invoice["statusFlags"] == ["PAID"]

    carriers = ask(CARRIERS, key=SELLER_KEY, pageSize=50, endCursor=None)
    shipment = {
        "invoiceId": invoice["id"],
        "dispatchedAt": "2099-01-01T10:00:00.000Z",
        "note": "with care",
        "postageCarrierId": carriers["data"]["shipmentCarriers"]["nodes"][0]["id"],
        "trackingNumber": "5d0f4a1e",
        "shippedItems": [
            {"lineItemId": row["id"], "quantity": row["quantity"]} for row in invoice["lineItems"]
        ],
    }
    made = ask(DISPATCH, key=SELLER_KEY, input=shipment)["data"]["shipmentCreate"]
    assert made["errors"] is None
    invoice = ask(INVOICE_BY_ID, key=SELLER_KEY, id=found["id"])["data"]["node"]
    assert invoice["statusFlags"] == ["PAID", "SENT"]
    assert invoice["shipments"][0]["shippedItems"][0]["quantity"] == 2


def test_the_sellers_client_lists_its_products_and_adds_one(ask):
    seller = ask(KEY_HOLDER, key=SELLER_KEY)["data"]["apiKeyPrincipal"]["seller"]
    variables = {"pageSize": 10, "endCursor": None, "sellerIds": [seller["id"]]}
    before = ask(SELLERS_PRODUCTS, key=SELLER_KEY, **variables)["data"]["advertsWhere"]
    assert len(before["nodes"]) == 10
    product = {
        "attributes": {
            "title": "Field Cap",
            "description": "A cap",
            "price": "19.99",
            "attemptAutoPublish": True,
            "variants": [{"sku": "CAP-1", "countOnHand": 4, "barcode": None}],
        }
    }
    made = ask(PRODUCT_UPSERT, key=SELLER_KEY, input=product)["data"]["advertUpsert"]
    assert made["errors"] is None
    assert made["status"] == 200
    after = ask(SELLERS_PRODUCTS, key=SELLER_KEY, **variables)["data"]["advertsWhere"]
    assert after["totalCount"] == before["totalCount"] + 1


def test_the_order_creator_picks_a_seller_and_a_product_and_orders_it(sandbox, ask):
    page = ask(ACTIVE_SELLERS, pageSize=5, endCursor=None)["data"]["allSellers"]
    assert page["totalCount"] == 14
    names = [node["businessName"] for node in page["nodes"]]
    assert names == sorted(names)
    seller = page["nodes"][0]["id"]
    products = ask(BUYABLE_PRODUCTS, pageSize=10, endCursor=None, sellerIds=[seller])
    variants = [
        variant
        for product in products["data"]["advertsWhere"]["nodes"]
        for variant in product["variants"]["nodes"]
        if variant["countOnHand"] > 0
    ]
    chosen = variants[0]
    variables = {"variantId": chosen["id"], "amount": chosen["lowestPriceCents"]}
    made = ask(ORDER, firstName="Ana", surname="Example", **variables)["data"]["orderCreate"]
    assert made["errors"] is None
    number = made["order"]["invoices"]["nodes"][0]["legacyId"]
    assert sandbox.invoice(number)["lines"][0]["subtotal_cents"] == chosen["lowestPriceCents"]


def test_an_order_beyond_the_stock_is_refused(sandbox, ask):
    sandbox.edit_variant(7001, stock=0)
    variables = {"variantId": "VmFyaWFudC03MDAx", "amount": 100}
    made = ask(ORDER, firstName="Ana", surname="Example", **variables)["data"]["orderCreate"]
    assert made["order"] is None
    assert made["errors"][0]["field"] == "lineItems.0.quantity"
    assert sandbox.invoices() == []
