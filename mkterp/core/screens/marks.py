"""The small pieces of HTML that every screen shares: money, badges, times, icons."""

import functools
import html
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from mkterp.core.screens import words

# waiting grey, moving blue, done green, needs a person amber, broken or forbidden red
Meaning = Literal["wait", "move", "done", "need", "broke"]

_GLYPHS: dict[str, str] = {
    "wait": "clock",
    "move": "arrow-right",
    "done": "check",
    "need": "user-round",
    "broke": "x",
}


@functools.lru_cache(maxsize=512)  # the same few, hundreds of times on a page
def icon(name: str, css: str = "") -> SafeString:
    """An icon of the sprite, hidden from screen readers: the words beside it say the same."""
    return format_html(
        '<svg class="{}" aria-hidden="true" focusable="false"><use href="{}#i-{}"></use></svg>',
        f"i {css}".strip(),
        static("icons.svg"),
        name,
    )


def money(amount: Decimal | None, currency: str) -> SafeString:
    """An amount with its currency quieter than its digits; a dash when there is none."""
    if amount is None:
        return format_html('<span class="mut dash">{}</span>', "\N{EN DASH}")
    minus = "\N{MINUS SIGN}" if amount < 0 else ""
    # Digits, points and commas need no escaping, and a page has hundreds of amounts.
    return mark_safe(
        f'<span class="mk-money">{minus}<span class="ccy">{text(words.currency_sign(currency))}'
        f"</span>{words.amount_text(amount, currency)}</span>"
    )


def text(value: object) -> SafeString:
    """Escaped unless it is HTML already. Django's own takes two to five times as long."""
    return value if isinstance(value, SafeString) else SafeString(html.escape(str(value)))


def strong(value: object, sub: object = None) -> SafeString:
    """What a cell is about in bold and, when `sub` is given, more about it in a quieter voice."""
    after = "" if sub is None else f' <span class="sub">{text(sub)}</span>'
    return mark_safe(f"<b>{text(value)}</b>{after}")


def signed(count: int) -> SafeString:
    """A change of a number of things: sign, colour and number."""
    if not count:
        return format_html('<span class="mut">{}</span>', 0)
    sign, css = ("+", "pos") if count > 0 else ("\N{MINUS SIGN}", "neg")
    return format_html('<span class="{}">{}{}</span>', css, sign, f"{abs(count):,}")


def difference(amount: Decimal, currency: str) -> SafeString:
    """A difference: sign, colour and a word, so that none has to carry the meaning alone."""
    text, word = words.difference_text(amount, currency)
    css = {"equal": "pos", "over": "amb", "short": "neg"}[word]
    return format_html('<span class="mk-money {}">{} <span>{}</span></span>', css, text, word)


@functools.lru_cache(maxsize=512)
def badge(word: str, meaning: str = "wait", glyph: str = "") -> SafeString:
    """One word in one colour, with the glyph of its meaning. Unknown meanings raise KeyError."""
    return format_html(
        '<span class="mk-b {}">{}{}</span>',
        meaning,
        icon(glyph or _GLYPHS[meaning], "i-s"),
        word,
    )


def _exact(value: datetime) -> str:
    local = timezone.localtime(value)
    utc = value.astimezone(UTC)
    return f"{local:%a %d %b %Y %H:%M:%S %Z} ({utc:%d %b %H:%M:%S} UTC)"


def age(value: datetime | None) -> SafeString:
    """How long ago, with the exact time in the title."""
    if value is None:
        return format_html('<span class="mut">{}</span>', "never")
    return _time(value, words.age_text(value, timezone.now()))


def moment(value: datetime | None) -> SafeString:
    """The local time, as short as the distance allows: "10:42", "23 Nov 10:42", "23 Nov 2025"."""
    if value is None:
        return format_html('<span class="mut">{}</span>', "never")
    local, now = timezone.localtime(value), timezone.localtime()
    if local.date() == now.date():
        text = f"{local:%H:%M:%S}"
    elif local.year == now.year:
        text = f"{local.day} {local:%b %H:%M}"
    else:
        text = f"{local.day} {local:%b %Y}"
    return _time(value, text)


def _time(value: datetime, text: str) -> SafeString:
    # Nothing of it needs escaping, and a page has hundreds.
    return mark_safe(f'<time datetime="{value.isoformat()}" title="{_exact(value)}">{text}</time>')
