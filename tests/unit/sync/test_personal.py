"""What of a buyer stays in a message, and what does not."""

from hypothesis import given
from hypothesis import strategies as st

from sync.domain.personal import GONE, redacted
from tests.payloads import invoice_node

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["firstName", "shippingAddress", "country", "totalCents", "node"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def test_a_read_invoice_loses_its_buyer_and_nothing_else():
    node = invoice_node(seller=None)

    left = redacted(node)

    assert (left["buyerFirstName"], left["buyerSurname"]) == (GONE, GONE)
    assert left["shippingAddress"] == {
        "address": GONE,
        "subaddress": None,
        "city": GONE,
        "postcode": GONE,
        "state": None,
        "country": {"name": "United Kingdom", "code": "GB"},
    }
    personal = {"buyerFirstName", "buyerSurname", "shippingAddress"}
    assert {key for key in node if node[key] != left[key]} == personal


def test_a_webhook_loses_the_buyer_wherever_he_stands():
    hint = {"payload": {"data": {"node": {"order": {"emailAddress": "ana@example.test"}}}}}

    assert "ana@" not in str(redacted(hint))


@given(json_values)
def test_twice_is_the_same_as_once(body):
    assert redacted(redacted(body)) == redacted(body)
