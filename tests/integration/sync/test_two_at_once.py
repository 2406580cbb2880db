"""A person and a worker at the same rows: whoever waits for the other, neither waits for ever."""

import threading
import time

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from mapping.models import Listing
from sync.models import ExceptionCase, Invoice
from sync.services import inbox, workbench
from tests.factories import (
    make_catalogue_read,
    make_item,
    make_listing,
    make_seller,
    make_tax_codes,
    make_worker,
)
from tests.payloads import invoice_node, line_node

WAITS_FOR_US = """
SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))
"""


@pytest.mark.django_db(transaction=True)
def test_who_approves_a_sku_keeps_no_worker_from_referring_to_it(operations, at):
    make_catalogue_read()
    make_tax_codes()
    make_worker(beat_at=timezone.now())
    listing, item = make_listing(seller=make_seller()), make_item()
    lines = [line_node(11, listing=listing)]
    inbox.receive_nodes(nodes=[invoice_node(1, seller=listing.seller, lines=lines)], at=at)
    inbox.process(clock=lambda: at)
    case = ExceptionCase.objects.get(kind="UNMAPPED_SKU")

    def approve():
        try:
            workbench.confirm(listing=listing, item=item, by=operations, at=at)
        finally:
            connection.close()

    given = {**connection.get_connection_params(), "autocommit": False}
    given = {k: v for k, v in given.items() if k not in ("cursor_factory", "context")}
    with psycopg.connect(**given) as worker:
        # The worker has counted the case up, as it does for each order that waits for it ...
        worker.execute("UPDATE sync_exceptioncase SET occurrences = 9 WHERE id = %s", [case.pk])
        person = threading.Thread(target=approve)
        person.start()
        until = time.monotonic() + 30
        while not worker.execute(WAITS_FOR_US).fetchone()[0]:
            assert time.monotonic() < until, "the person does not wait for the case"
        # ... and stores a line of that listing, whose foreign key has to be checked.
        worker.execute("SET LOCAL lock_timeout = '5s'")
        found = worker.execute(
            f"SELECT id FROM {Listing._meta.db_table} WHERE id = %s FOR KEY SHARE", [listing.pk]
        )
        assert found.fetchone() == (listing.pk,)
        worker.commit()
    person.join()
    case.refresh_from_db()
    assert (case.state, Invoice.objects.get().state) == ("RESOLVED", "QUEUED")
