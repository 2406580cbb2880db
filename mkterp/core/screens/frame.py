"""The frame around every page: the rail by role, its counts, search, period, person.

The roof declares one `Frame` and names it in `settings.FRAME`; the context processor `frame` shows
each person the part they may open. Counts are asked for only when a template draws them.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.module_loading import import_string
from django.utils.safestring import SafeString, mark_safe

from mkterp.core import roles
from mkterp.core.forms import PreferencesForm
from mkterp.core.screens import counting, toasts, words
from mkterp.core.screens.addresses import address
from mkterp.core.screens.explained import handbook_of
from mkterp.core.screens.marks import icon


@dataclass(frozen=True)
class Count:
    """What a person can act on behind a rail item. `meaning`: "", need or broke."""

    number: int = 0
    meaning: str = ""
    text: str = ""  # instead of the number: "1 late"

    @property
    def shown(self) -> str:
        many = words.count_text(self.number, words.BADGE_LIMIT) if self.number else ""
        return self.text or many


@dataclass(frozen=True)
class NavItem:
    """One line of the rail.

    `waits` names the rows that a person can act on there, the same for everybody at any time:
    their text is made once, and all lines are counted in one question. `count` is for what rows
    do not say: it gets the user and answers a number, a Count or None.
    """

    url_name: str
    label: str
    icon: str
    permission: str = ""
    count: Callable[[Any], int | Count | None] | None = None
    waits: Callable[[], QuerySet[Any] | tuple[QuerySet[Any], ...]] | None = None
    meaning: str = ""  # of what waits: "", need or broke
    group: str = ""  # the heading it stands under
    key: str = ""  # a single key that opens it
    foot: bool = False  # at the bottom of the rail
    bar: bool = False  # in the bar at the bottom of a narrow screen (at most four)
    when: Callable[[], bool] | None = None  # whether this installation has it at all
    also: str = ""  # other words by which people look for it in the palette
    post: bool = False  # a command that is sent, not a page that is opened

    def is_for(self, user: Any) -> bool:
        """Whether this person may open it here."""
        allowed = not self.permission or bool(user.has_perm(self.permission))
        return allowed and (self.when is None or self.when())


@dataclass(frozen=True)
class Period:
    """The period being worked on and how far its close is."""

    name: str  # "Nov 2026"
    text: str  # "closes in 7 d"
    title: str = ""
    url: str = ""


@dataclass(frozen=True)
class Frame:
    """What the roof declares, once."""

    navigation: tuple[NavItem, ...] = ()
    beyond: tuple[NavItem, ...] = ()  # pages that the rail has no room for; the palette finds them
    commands: tuple[NavItem, ...] = ()  # what one begins to do: a form's page, or a POST
    search: str = ""  # the URL name of a page that takes ?q=
    search_label: str = "Search SKU, order, seller"
    palette: str = ""  # the URL name of a fragment that takes ?q=: what Ctrl K shows
    handbook: str = ""  # the URL name of a page of the handbook; takes its slug
    book: str = ""  # the page that explains what no page of its own explains
    period: Callable[[HttpRequest], Period | None] | None = None
    personal: tuple[NavItem, ...] = ()  # beside a person's account, for whoever is signed in
    company: str = ""
    currency: str = ""


@dataclass(frozen=True)
class RailItem:
    item: NavItem
    url: str
    current: bool
    count: Count

    @cached_property
    def html(self) -> SafeString:
        """One line of the rail; the same line lies behind "More" on a narrow screen."""
        count, key = self.count, self.item.key
        after = format_html('<kbd class="ct">{}</kbd>', key) if key else ""
        if count.shown:
            after = format_html('<span class="ct {}">{}</span>', count.meaning, count.shown)
        return format_html(
            '<a class="mk-nav{}" href="{}"{}{}>{}<span class="cut">{}</span>{}</a>',
            " on" if self.current else "",
            self.url,
            mark_safe(' aria-current="page"') if self.current else "",
            format_html(' data-key="{}"', key) if key else "",
            icon(self.item.icon),
            self.item.label,
            after,
        )


@dataclass(frozen=True)
class RailGroup:
    """Lines under one heading. Shut while we are elsewhere: then it says what lies in it."""

    title: str  # "" for those that always stand there
    lines: list[RailItem]

    @property
    def open(self) -> bool:
        return any(line.current for line in self.lines)

    @property
    def count(self) -> Count:
        """The worst of its lines in words, else the sum of what a person can act on."""
        for line in self.lines:
            if line.count.text:
                return line.count
        pressing = [line.count for line in self.lines if line.count.meaning]
        worst = "broke" if any(c.meaning == "broke" and c.number for c in pressing) else "need"
        return Count(sum(count.number for count in pressing), worst)


@dataclass(frozen=True)
class Place:
    """A page that a person may open, or a command, without its count: what the palette offers."""

    label: str
    icon: str
    group: str
    url: str
    also: str = ""
    post: bool = False

    def answers(self, text: str) -> bool:
        """Whether every word of the text stands in its name, its heading or its other words."""
        said = f"{self.label} {self.group} {self.also}".lower()
        return all(word in said for word in text.lower().split())


class FrameForPerson:
    """The frame as one person sees it on one page."""

    def __init__(self, request: HttpRequest, declared: Frame) -> None:
        self.request = request
        self.declared = declared

    @cached_property
    def rail(self) -> list[RailItem]:
        user = self.request.user
        path = self.request.path
        shown = [
            (item, address(item.url_name)) for item in self.declared.navigation if item.is_for(user)
        ]
        # The longest address that leads here is the place we are at: /orders/12/ is in Orders.
        places = [url for _, url in shown if path == url or (url != "/" and path.startswith(url))]
        here = max(places, key=len, default="")
        counts = _waiting([item for item, _ in shown])
        return [
            RailItem(item, url, url == here, counts.get(item) or _count(item, user))
            for item, url in shown
        ]

    @property
    def places(self) -> list[Place]:
        """Every page without a row that this person may open; asks the database for no count."""
        declared = self.declared
        return self._open(declared.navigation + declared.beyond + declared.personal)

    @property
    def commands(self) -> list[Place]:
        """What this person may begin from anywhere."""
        return self._open(self.declared.commands)

    @property
    def personal(self) -> list[Place]:
        """The pages that are about this person alone."""
        return self._open(self.declared.personal)

    def _open(self, items: tuple[NavItem, ...]) -> list[Place]:
        return [
            Place(one.label, one.icon, one.group, address(one.url_name), one.also, one.post)
            for one in items
            if one.is_for(self.request.user)
        ]

    @property
    def book_url(self) -> str:
        """The page of the handbook about this page; "" on a page of the handbook itself."""
        match = self.request.resolver_match
        slug = handbook_of(match.func) if match else None
        slug = self.declared.book if slug is None else slug
        named = self.declared.handbook and slug
        return reverse(self.declared.handbook, kwargs={"slug": slug}) if named else ""

    @property
    def palette_url(self) -> str:
        return address(self.declared.palette) if self.declared.palette else ""

    @property
    def groups(self) -> list[RailGroup]:
        """The rail by heading, in the order of declaration; what stands at the foot left out."""
        groups: list[RailGroup] = []
        for line in self.rail:
            if line.item.foot:
                continue
            if not groups or groups[-1].title != line.item.group:
                groups.append(RailGroup(line.item.group, []))
            groups[-1].lines.append(line)
        return groups

    @property
    def foot(self) -> list[RailItem]:
        return [line for line in self.rail if line.item.foot]

    @property
    def bar(self) -> list[RailItem]:
        """The few places under the thumb: the ones marked, else the first four."""
        marked = [line for line in self.rail if line.item.bar]
        return (marked or self.rail)[:4]

    @property
    def search_url(self) -> str:
        return address(self.declared.search) if self.declared.search else ""

    @cached_property
    def period(self) -> Period | None:
        return self.declared.period(self.request) if self.declared.period else None

    @cached_property
    def roles(self) -> list[roles.Role]:
        return roles.roles_of(self.request.user)

    @property
    def initials(self) -> str:
        user: Any = self.request.user
        words_ = (user.get_full_name() or user.get_username()).split()
        return "".join(word[0] for word in words_[:2]).upper()

    @property
    def theme(self) -> str:
        """light or dark when the person chose one; "" leaves it to their system."""
        chosen = self.request.COOKIES.get("theme", "")
        return chosen if chosen in ("light", "dark") else ""

    @property
    def themes(self) -> list[tuple[str, str, bool]]:
        return [(k, label, (self.theme or "auto") == k) for k, label in PreferencesForm.THEMES]

    @property
    def keys(self) -> bool:
        """Whether single keys act (WCAG 2.1.4: they can be switched off)."""
        return self.request.COOKIES.get("keys") != "off"

    @property
    def dry_run(self) -> bool:
        """Nothing is written to the outside: said on every page."""
        return bool(settings.DRY_RUN)

    @property
    def toasts(self) -> list[toasts.Toast]:
        return toasts.pending(self.request)


@functools.cache
def _questions(item: NavItem) -> list[counting.Question]:
    waits = item.waits() if item.waits else ()
    each = waits if isinstance(waits, tuple) else (waits,)
    return [counting.question(rows, words.BADGE_LIMIT) for rows in each]


def _waiting(items: list[NavItem]) -> dict[NavItem, Count]:
    """What waits behind each of these that says what waits; one query."""
    asked = [(item, one) for item in items if item.waits for one in _questions(item)]
    found: dict[NavItem, int] = {}
    answers = counting.answers([one for _, one in asked])
    for (item, _), number in zip(asked, answers, strict=True):
        found[item] = found.get(item, 0) + number
    return {item: Count(number, item.meaning) for item, number in found.items()}


def _count(item: NavItem, user: Any) -> Count:
    if item.count is None:
        return Count()
    counted = item.count(user)
    if counted is None:
        return Count()
    return counted if isinstance(counted, Count) else Count(counted)


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context processor: the frame, asked nothing until a template asks it."""
    path = getattr(settings, "FRAME", "")
    declared = import_string(path) if path else Frame()
    return {"frame": FrameForPerson(request, declared)}
