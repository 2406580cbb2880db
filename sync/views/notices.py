"""Channels are added and changed here; and everybody says here what he wants to be told."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from mkterp.core.errors import Refused
from mkterp.core.roles import person, requires, signed_in
from mkterp.core.screens import toasts
from mkterp.core.screens.explained import explained_by
from sync.forms.notices import ChannelForm, WishesForm
from sync.models import Channel
from sync.selectors import notices as selectors
from sync.services import notices_desk

_FIELDS = [name for name in ChannelForm.base_fields if name != "reason"]


@require_http_methods(["GET", "POST"])
@requires("sync.add_channel")
@explained_by("data/notifications")
def add_channel(request: HttpRequest) -> HttpResponse:
    """Add a channel; a test is the next step."""
    return _channel(request, None, {"address_name": "NOTIFY_"})


@require_http_methods(["GET", "POST"])
@requires("sync.change_channel")
@explained_by("data/notifications")
def change_channel(request: HttpRequest, key: int) -> HttpResponse:
    """Change a channel, with a reason."""
    channel = get_object_or_404(Channel, pk=key)
    return _channel(request, channel, {name: getattr(channel, name) for name in _FIELDS})


def _channel(
    request: HttpRequest, channel: Channel | None, initial: dict[str, Any]
) -> HttpResponse:
    form = ChannelForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_bound and form.is_valid():
        try:
            set_ = notices_desk.set_channel(
                channel=channel, **form.cleaned_data, by=person(request), at=timezone.now()
            )
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            toasts.say(request, toasts.Toast(f"{set_} is set. Send it a test now."))
            return HttpResponseRedirect(f"{reverse('sync:channels')}?open={set_.pk}", status=303)
    context = {"form": form, "channel": channel}
    return render(request, "sync/channel_form.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@signed_in
@explained_by("data/notifications")
def own_notifications(request: HttpRequest) -> HttpResponse:
    """What one is told, how soon and from which severity on."""
    me = person(request)
    form = WishesForm(
        request.POST if request.method == "POST" else None, wishes=selectors.wishes(me)
    )
    if form.is_bound and form.is_valid():
        notices_desk.wish(person=me, wishes=form.wishes, at=timezone.now())
        toasts.say(request, toasts.Toast("Saved. It holds for what happens from now on."))
        return HttpResponseRedirect(reverse("sync:own-notifications"), status=303)
    context = {
        "form": form,
        "mail": selectors.mail_is_set_up(),
        "address": me.email,
        "chosen": selectors.has_chosen(me),
        "zone": selectors.zone_of(me),
    }
    status = 422 if form.errors else 200
    return render(request, "sync/own_notifications.html", context, status=status)


@require_POST
@signed_in
def own_notifications_reset(request: HttpRequest) -> HttpResponse:
    """Back to what the roles say."""
    notices_desk.as_the_roles_say(person=person(request), at=timezone.now())
    toasts.say(request, toasts.Toast("You are told what your roles ask for."))
    return HttpResponseRedirect(reverse("sync:own-notifications"), status=303)


@require_POST
@signed_in
def own_notifications_test(request: HttpRequest) -> HttpResponse:
    """Send oneself an e-mail, to see that it arrives."""
    try:
        notices_desk.test_person(person=person(request), at=timezone.now())
    except Refused as refused:
        toasts.say(request, toasts.Toast(str(refused), "broke"))
    else:
        toasts.say(request, toasts.Toast("A test is on its way to you."))
    return HttpResponseRedirect(reverse("sync:own-notifications"), status=303)
