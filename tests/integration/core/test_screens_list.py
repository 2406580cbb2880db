"""A declared list: its pages, filters, columns, counts and file."""

import base64
import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import F, Value
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook

from mkterp.core.models import User
from mkterp.core.screens import export, keyset, words

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls("tests.integration.core.screens_urls"),
]


@pytest.fixture(autouse=True)
def without_a_rail(settings):
    settings.FRAME = ""


@pytest.fixture
def client(administrator) -> Client:
    client = Client()
    client.force_login(administrator)
    return client


@pytest.fixture
def people(administrator) -> list[User]:
    joined = datetime(2026, 3, 1, tzinfo=UTC)
    return User.objects.bulk_create(
        User(
            username=f"person {number:02}",
            email=f"p{number}@example.test",
            first_name=["Ada", "Bo", ""][number % 3],
            is_active=number % 4 != 0,
            # Three people joined at each moment: the order needs the tie-breaker.
            date_joined=joined + timedelta(days=number // 3),
        )
        for number in range(23)
    )


def names(response) -> list[str]:
    return [row.row.username for row in response.context["page"].rows]


def walk(client: Client, address: str, direction: str = "next_url") -> list[list[str]]:
    """The names on each page from this one on."""
    pages = []
    while address:
        response = client.get(address)
        pages.append(names(response))
        address = getattr(response.context["page"], direction)
    return pages


@pytest.mark.parametrize("sort", ["username", "-username", "date_joined", "-date_joined"])
def test_the_pages_show_every_row_once_in_order(client, people, sort):
    pages = walk(client, f"/people/?view=all&sort={sort}")
    ordering = keyset.reverse if sort.startswith("-") else (lambda fields: fields)
    fields = {"username": ("username",), "date_joined": ("date_joined", "id")}[sort.lstrip("-")]
    expected = list(User.objects.order_by(*ordering(fields)).values_list("username", flat=True))
    assert [name for page in pages for name in page] == expected
    assert {len(page) for page in pages[:-1]} == {5}


def test_going_back_from_the_last_page_shows_the_same_pages(client, people):
    there, address = [], "/people/?view=all&sort=-date_joined"
    while address:
        response = client.get(address)
        there.append(names(response))
        last, address = response, response.context["page"].next_url
    back = walk(client, last.context["page"].previous_url, "previous_url")
    assert back == there[-2::-1]


@pytest.mark.parametrize(
    "cursor",
    [
        "garbage",
        "W10",
        "WyJ4Il0",
        "////",
        "WzEsMiwzXQ",
        "W251bGwsbnVsbF0",
        "A" * 3000,
        "W1sxXSwxXQ",
    ],
)
def test_a_cursor_that_does_not_fit_shows_the_first_page(client, people, cursor):
    first = names(client.get("/people/?view=all&sort=date_joined"))
    assert names(client.get(f"/people/?view=all&sort=date_joined&after={cursor}")) == first
    assert names(client.get(f"/people/?view=all&sort=date_joined&before={cursor}")) == first


@pytest.mark.parametrize(
    "values",
    [
        '["2026-03-01T00:00:00+00:00",1e400]',
        '["2026-03-01T00:00:00+00:00",99999999999999999999]',
        '["9999-99-99",1]',
        '["2026-03-01T00:00:00",1]',
        '["\\u0000",1]',
    ],
)
def test_a_cursor_of_impossible_values_breaks_nothing(client, people, values):
    cursor = base64.urlsafe_b64encode(values.encode()).decode()
    response = client.get("/people/", {"view": "all", "sort": "date_joined", "after": cursor})
    assert response.status_code == 200
    assert len(names(response)) == 5


def test_rows_added_meanwhile_neither_repeat_nor_hide_others(client, people):
    first = client.get("/people/?view=all&sort=username")
    User.objects.create(username="a newcomer")
    second = client.get(first.context["page"].next_url)
    assert not set(names(first)) & set(names(second))


def test_rows_without_a_value_have_their_place_in_both_directions(people):
    # PostgreSQL sorts NULL last, and first when reversed; the pages must agree with it.
    queryset = User.objects.annotate(
        maybe=F("last_login"),
        nothing=Value(None, output_field=User._meta.get_field("last_login").clone()),
    )
    some = User.objects.order_by("pk")[:8]
    for number, person in enumerate(some):
        person.last_login = datetime(2026, 5, 1 + number // 2, tzinfo=UTC)
        person.save()
    for ordering in (
        ("maybe", "id"),
        ("-maybe", "-id"),
        ("last_login", "id"),
        ("-last_login", "id"),
        ("nothing", "id"),
    ):
        expected = list(queryset.order_by(*ordering).values_list("pk", flat=True))
        seen, cursor = [], ""
        while True:
            page = keyset.fetch(queryset, ordering, 5, after=cursor)
            seen += [row.pk for row in page.rows]
            if not page.next:
                break
            cursor = page.next
        assert seen == expected, ordering
        earlier = keyset.fetch(queryset, ordering, 5, before=page.previous)
        assert [row.pk for row in earlier.rows] == expected[-len(page.rows) - 5 : -len(page.rows)]


def test_a_bare_address_is_the_first_view_and_a_chip_taken_away_stays_away(client, people):
    bare = client.get("/people/").context["page"]
    assert bare.state.view.name == "active"
    assert [(chip.label, chip.text) for chip in bare.state.chips] == [("active", "yes")]
    without = client.get(bare.state.chips[0].without).context["page"]
    assert not without.state.chips
    assert without.state.count == User.objects.count()


def test_filters_search_and_order_live_in_the_address(client, people):
    response = client.get(
        "/people/?view=all&first_name=Ada&q=p1+example&date_joined_after=2026-03-02&sort=-username"
    )
    page = response.context["page"]
    found = [row.row for row in page.rows]
    assert found
    assert all(p.first_name == "Ada" and "p1" in p.email for p in found)
    labels = [(chip.label, chip.text) for chip in page.state.chips]
    assert ("search", "p1 example") in labels
    assert ("joined", "from 2 Mar 2026") in labels
    assert "date_joined_after=2026-03-02" in page.state.address()
    without = next(chip for chip in page.state.chips if chip.label == "joined").without
    assert "date_joined" not in without
    assert "first_name=Ada" in without


def test_a_filter_that_makes_no_sense_shows_nothing_and_says_so(client, people):
    response = client.get("/people/?view=all&date_joined_after=yesterday")
    assert names(response) == []
    assert "Enter a valid date" in response.text
    assert "One of the filters makes no sense" in response.text


def test_the_form_of_filters_comes_by_itself_and_keeps_what_the_address_says(client, people):
    address = "/people/?view=all&first_name=Ada&sort=-username"
    page = client.get(address)
    assert 'name="date_joined_after"' not in page.text
    form_at = page.context["page"].filter_url
    assert f'hx-get="{form_at.replace("&", "&amp;")}"' in page.text
    alone = client.get(form_at, headers={"HX-Request": "true"})
    whole = client.get(form_at)  # without scripts
    for answer in (alone, whole):
        assert 'name="date_joined_after"' in answer.text
        assert 'value="Ada"' in answer.text
        assert '<input type="hidden" name="sort" value="-username">' in answer.text
    assert "<html" not in alone.text
    assert "<html" in whole.text
    assert 'hx-target="#screen"' not in whole.text


def test_texts_that_no_database_takes_find_nothing_and_break_nothing(client, people):
    assert client.get("/people/", {"q": "a\x00b"}).status_code == 200
    assert client.get("/people/", {"open": "abc"}).status_code == 200
    assert client.get("/people/", {"open": "9" * 60}).status_code == 200
    assert client.get("/people/", {"sort": "password", "cols": "password"}).status_code == 200
    assert client.get(f"/people/{'9' * 40}/").status_code == 404


def test_an_unknown_sort_is_no_way_to_order_by_secrets(client, people):
    page = client.get("/people/?view=all&sort=password").context["page"]
    assert page.state.sort == "username"


def test_columns_follow_the_view_and_the_person_chooses_others(client, people):
    heads = lambda response: [h.name for h in response.context["page"].headers]  # noqa: E731
    assert heads(client.get("/people/?view=all")) == ["username", "is_active"]
    assert heads(client.get("/people/?view=all&cols=date_joined")) == ["username", "date_joined"]
    assert heads(client.get("/people/?view=all&cols=first_name&cols=is_active")) == [
        "username",
        "first_name",
        "is_active",
    ]


def test_the_number_of_queries_does_not_grow_with_the_rows(
    client, people, django_assert_num_queries
):
    # session, person, permissions of their own, roles, rows, all counts, own views
    with django_assert_num_queries(7):
        client.get("/people/")
    User.objects.bulk_create(User(username=f"more {n}") for n in range(60))
    with django_assert_num_queries(7):
        client.get("/people/")


def test_a_count_stops_where_it_stops_to_matter(client, people, monkeypatch):
    monkeypatch.setattr(words, "COUNT_LIMIT", 10)
    assert client.get("/people/?view=all").context["page"].things == "10+ people"


def test_htmx_gets_the_fragment_that_the_page_includes(client, people):
    whole = client.get("/people/?view=all")
    part = client.get("/people/?view=all", headers={"HX-Request": "true"})
    assert "<html" in whole.text
    assert "<html" not in part.text
    start, end = '<section class="mk-screen"', "</section>"
    cut = lambda text: text[text.index(start) : text.index(end)]  # noqa: E731
    strip = lambda text: [line for line in cut(text).splitlines() if "csrf" not in line]  # noqa: E731
    assert strip(whole.text) == strip(part.text)
    assert part["HX-Push-Url"] == "/people/?view=all"
    restored = client.get(
        "/people/", headers={"HX-Request": "true", "HX-History-Restore-Request": "true"}
    )
    assert "<html" in restored.text


def test_every_hx_get_has_a_link_or_form_and_nothing_is_inline(client, people):
    text = client.get(f"/people/?view=all&open={people[1].pk}").text
    for tag in ("style=", "onclick=", "hx-on", "<script>", "<style"):
        assert tag not in text
    assert 'name="htmx-config"' in text
    assert '"allowEval":false' in text


def test_the_panel_opens_by_its_address_and_names_itself_in_the_list_s(client, people):
    person = people[1]
    page = client.get(f"/people/?view=all&open={person.pk}")
    assert page.context["panel"].row == person
    address = reverse("person-panel", args=[person.pk])
    part = client.get(
        address,
        headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/people/?view=all"},
    )
    assert part["HX-Push-Url"] == f"/people/?view=all&open={person.pk}"
    again = client.get(
        address,
        headers={
            "HX-Request": "true",
            "HX-Current-URL": f"http://testserver{page.wsgi_request.get_full_path()}",
        },
    )
    assert "HX-Push-Url" not in again
    # Without scripts the panel's address leads to the list with the row open.
    assert (
        client.get(address).url == f"/people/?open={person.pk}"
        or "open=" in client.get(address).url
    )


def test_a_row_that_is_not_in_the_rows_is_not_found_anywhere(client, people):
    hidden = User.objects.create(username="hidden")
    assert client.get(f"/people/{hidden.pk}/").status_code == 404
    assert client.get(f"/people/{hidden.pk}/panel/").status_code == 404
    assert client.get(f"/people/?open={hidden.pk}").context["panel"] is None
    done = client.post("/people/do/switch-off/", {"one": hidden.pk})
    assert done.status_code == 404
    hidden.refresh_from_db()
    assert hidden.is_active


def test_an_empty_list_says_what_would_be_here(client):
    assert "An administrator adds people." in client.get("/everybody/").text
    narrowed = client.get("/people/?view=all&first_name=Zoe").text
    assert "No person fits these filters" in narrowed


def test_the_file_holds_what_the_list_shows_and_runs_no_formula(client, people):
    User.objects.create(username="=cmd|' /C calc'!A0", first_name="-1+1", is_active=True)
    response = client.get("/people/export.csv?view=active&is_active=true&sort=-username")
    assert response.streaming
    assert response["Content-Disposition"].startswith('attachment; filename="people-')
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    rows = list(csv.reader(text.splitlines()))
    assert rows[0] == ["Name", "First name", "Joined", "State"]
    expected = User.objects.filter(is_active=True).order_by("-username")
    assert [row[0].lstrip("'") for row in rows[1:]] == [p.username for p in expected]
    formula = next(row for row in rows if "cmd" in row[0])
    assert formula[0].startswith("'=")
    assert formula[1] == "'-1+1"
    assert formula[3] == "active"


def test_the_workbook_holds_the_same_and_runs_no_formula(client, people, monkeypatch):
    User.objects.create(username="=cmd|' /C calc'!A0", first_name="007", is_active=True)
    asked = "view=active&is_active=true&sort=-username"
    response = client.get(f"/people/export.xlsx?{asked}")
    assert response["Content-Disposition"].endswith('.xlsx"')
    sheet = load_workbook(io.BytesIO(b"".join(response.streaming_content))).worksheets[0]
    rows = list(sheet.iter_rows())

    assert [cell.value for cell in rows[0]] == ["Name", "First name", "Joined", "State"]
    expected = User.objects.filter(is_active=True).order_by("-username")
    assert [row[0].value for row in rows[1:]] == [person.username for person in expected]
    formula = next(row for row in rows if "cmd" in row[0].value)
    assert [(cell.data_type, cell.value) for cell in formula[:2]] == [
        ("s", "=cmd|' /C calc'!A0"),
        ("s", "007"),
    ]
    assert f"/people/export.xlsx?{asked}" in client.get(f"/people/?{asked}").text.replace(
        "&amp;", "&"
    )

    monkeypatch.setattr(export, "MOST_IN_WORKBOOK", 1)
    refused = client.get("/people/export.xlsx?view=all")
    assert (refused.status_code, "take the CSV" in refused.text) == (422, True)


def test_markup_in_a_value_stays_text(client):
    User.objects.create(username="<script>alert(1)</script>", email='"><img src=x>')
    text = client.get("/people/?view=all&q=script").text
    assert "<script>alert" not in text
    assert "<img" not in text
    assert "&lt;script&gt;alert(1)" in text
