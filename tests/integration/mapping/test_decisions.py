"""What people say to suggestions is kept as it was said, and can be taken back."""

import pytest
from django.db import IntegrityError, connection, transaction

from mapping.models import Decision, NewItemRequest, RejectedPair, StoredSuggestion
from mapping.services import decisions
from mkterp.core.errors import Refused
from tests.factories import make_item, make_listing

pytestmark = pytest.mark.django_db


def suggest(listing, *items, at, auto=False):
    return StoredSuggestion.objects.create(
        listing=listing,
        verdict="suggest",
        candidates=[
            {
                "item": item.pk,
                "sku": item.sku,
                "rank": rank,
                "confidence": round(1 - rank / 10, 2),
                "auto": auto and rank == 1,
                "vetoes": [],
                "evidence": [],
                "features": {"title": 0.5},
            }
            for rank, item in enumerate(items, start=1)
        ],
        item=items[0],
        confidence=0.9,
        auto=auto,
        model_version="as shipped",
        computed_at=at,
        items_at=at,
    )


@pytest.fixture
def shirt():
    return make_listing(title="Linen shirt", label="Sage / M")


@pytest.fixture
def items():
    return [make_item() for _ in range(3)]


def test_an_approval_keeps_what_was_shown_and_the_listing_as_it_was(operations, shirt, items, at):
    suggest(shirt, *items, at=at)
    mapping, decision = decisions.approve(listing=shirt, item=items[1], by=operations, at=at)

    assert (decision.choice, decision.item, decision.mapping) == ("APPROVED", items[1], mapping)
    assert [one["item"] for one in decision.shown] == [item.pk for item in items]
    assert decision.shown[0]["features"] == {"title": 0.5}
    assert decision.variant["label"] == "Sage / M"
    assert (decision.by, decision.at, decision.model_version) == (operations, at, "as shipped")


def test_an_item_found_by_a_search_is_another_choice(operations, shirt, items, at):
    suggest(shirt, *items[:2], at=at)
    _, decision = decisions.approve(listing=shirt, item=items[2], by=operations, at=at)

    assert decision.choice == Decision.Choice.OTHER


def test_what_is_rejected_steps_aside_and_comes_back_when_taken_back(operations, shirt, items, at):
    stored = suggest(shirt, *items, at=at)
    decision = decisions.reject(listing=shirt, item=items[0], by=operations, at=at)
    stored.refresh_from_db()
    assert (stored.item, stored.confidence) == (items[1], 0.8)

    decisions.undo(decision=decision, by=operations, at=at)
    decisions.undo(decision=decision, by=operations, at=at)

    stored.refresh_from_db()
    assert (stored.item, RejectedPair.objects.count()) == (items[0], 0)
    assert Decision.objects.filter(choice="UNDONE").count() == 1


def test_rejecting_all_rejects_each_that_was_shown(operations, shirt, items, at):
    suggest(shirt, *items, at=at)
    decisions.reject(listing=shirt, by=operations, at=at)

    assert set(RejectedPair.objects.values_list("item", flat=True)) == {i.pk for i in items}
    assert StoredSuggestion.objects.get().item is None


def test_there_is_nothing_to_reject_where_nothing_was_suggested(operations, shirt, at):
    with pytest.raises(Refused, match="nothing to reject"):
        decisions.reject(listing=shirt, by=operations, at=at)


def test_an_approval_after_a_rejection_takes_the_rejection_away(operations, shirt, items, at):
    suggest(shirt, *items, at=at)
    decisions.reject(listing=shirt, by=operations, at=at)
    decisions.approve(listing=shirt, item=items[0], by=operations, at=at)

    assert not RejectedPair.objects.filter(item=items[0]).exists()


def test_asking_twice_for_a_new_item_is_one_request_and_undo_withdraws_it(operations, shirt, at):
    decision = decisions.no_such_item(listing=shirt, by=operations, at=at, note="new season")
    decisions.no_such_item(listing=shirt, by=operations, at=at)
    assert NewItemRequest.objects.get().note == "new season"

    decisions.undo(decision=decision, by=operations, at=at)

    assert NewItemRequest.objects.get().state == NewItemRequest.State.WITHDRAWN


@pytest.mark.parametrize(
    "deed", ["UPDATE mapping_decision SET choice = 'X'", "DELETE FROM mapping_decision"]
)
def test_the_database_keeps_every_decision_as_it_was(deed, operations, shirt, at):
    decisions.skip(listing=shirt, by=operations, at=at)

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(deed)
