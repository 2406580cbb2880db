"""The handbook in the app: pages, the side panel, checks that are ticked and recorded."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.urls import reverse

from mkterp.core import checks
from mkterp.core.errors import Refused
from mkterp.core.models import AuditEntry, CheckDone
from mkterp.overview import handbook

pytestmark = pytest.mark.django_db


def test_a_page_is_shown_whole_and_as_a_fragment_for_the_side_panel(viewer, client_of):
    client = client_of(viewer)
    url = reverse("handbook-page", kwargs={"slug": "exceptions/unmapped-sku"})

    whole = client.get(url).text
    beside = client.get(url, headers={"HX-Request": "true"}).text

    assert '<h1 id="screen-title">Unmapped SKU</h1>' in whole
    assert "<html" not in beside
    assert "never creates items" in beside
    assert client.get("/handbook/nothing/").status_code == 404


def test_what_a_page_holds_cannot_run_in_the_browser(tmp_path, monkeypatch):
    text = "# A\n\n<script>alert(1)</script> [x](javascript:alert) <img src=x onerror=y>\n"
    (tmp_path / "evil.md").write_text(text)
    monkeypatch.setattr(handbook, "FOLDER", tmp_path)

    html = handbook.page("evil").html

    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html


def test_a_check_is_ticked_once_for_its_day_and_taken_back_and_both_are_kept(operations, at):
    facts = {"rhythm": "daily", "page": "data/orders", "text": "Look.", "by": operations}
    first = checks.tick(**facts, done=True, at=at)

    assert checks.tick(**facts, done=True, at=at) == first
    assert checks.tick(**facts, done=True, at=at + timedelta(days=1)) != first
    assert checks.tick(**facts, done=False, at=at) is None
    assert CheckDone.objects.get().begins == date(2026, 12, 1)
    kept = AuditEntry.objects.order_by("pk").values_list("action", flat=True)
    assert list(kept) == ["check.tick", "check.tick", "check.take-back"]


def test_a_day_a_week_and_a_month_begin_where_the_company_is():
    late = datetime(2026, 6, 30, 23, 30, tzinfo=UTC)  # already Wednesday 1 July in London

    assert checks.begins("daily", late) == date(2026, 7, 1)
    assert checks.begins("weekly", late) == date(2026, 6, 29)
    assert checks.begins("month-end", late) == date(2026, 7, 1)
    with pytest.raises(Refused):
        checks.tick(rhythm="hourly", page="x", text="y", done=True, by=None, at=late)


def test_a_check_is_ticked_on_the_screen_and_says_by_whom(operations, viewer, client_of):
    client = client_of(operations)
    listed = client.get(reverse("checks")).context["lists"][0]
    check = listed.checks[0]
    ticked = {"rhythm": "daily", "key": check.key, "done": "1"}

    assert client_of(viewer).post(reverse("checks-tick"), ticked).status_code == 403
    client.post(reverse("checks-tick"), ticked)

    again = client.get(reverse("checks"))
    assert again.context["lists"][0].left == listed.left - 1
    assert "operations, " in again.text
    unknown = {**ticked, "key": "unknown"}
    assert client.post(reverse("checks-tick"), unknown).status_code == 422
