"""What an ERP cannot do is said, and nothing that it can do."""

from dataclasses import fields, replace

from sync.erp.business_central.adapter import CAPABILITIES as BUSINESS_CENTRAL
from sync.erp.netsuite.adapter import CAPABILITIES as NETSUITE
from sync.erp.odoo.adapter import CAPABILITIES as ODOO
from sync.erp.port import Capabilities
from sync.erp.tryton.adapter import CAPABILITIES as TRYTON
from sync.erp.words import INSTEAD, cannot


def test_every_capability_that_is_a_yes_or_no_has_its_sentence_for_no():
    flags = {field.name for field in fields(Capabilities) if field.type in (bool, "bool")}
    # How the ERP works, not what it lacks.
    manners = {
        *("batch_atomic", "reserves_on_confirm", "erp_computes_tax", "async_writes"),
        *("amend_lowers_totals", "drafts"),
    }
    assert set(INSTEAD) == flags - manners


def test_odoo_says_that_it_tells_no_parcels_and_tryton_does_not():
    assert "parcels" in " ".join(cannot(ODOO))
    assert "parcels" not in " ".join(cannot(TRYTON))


def test_an_erp_that_cannot_tell_changes_says_of_what():
    lacking = replace(ODOO, modified_since=frozenset({"items", "shipments"}))
    assert "which stock, returns changed" in cannot(lacking)[-1]


def test_business_central_says_what_its_standard_api_does_not_offer():
    words = " ".join(cannot(BUSINESS_CENTRAL))
    for lacking in ("by location", "returns", "tracking", "once they have left", "settles"):
        assert lacking in words
    assert "credit notes" not in words
    assert "by location" not in " ".join(cannot(ODOO))


def test_netsuite_says_what_is_not_done_there():
    words = " ".join(cannot(NETSUITE))
    for lacking in ("returns", "once they are picked", "journals", "parcels", "settles"):
        assert lacking in words
    assert "by location" not in words
    assert "tracking numbers: only" not in words
