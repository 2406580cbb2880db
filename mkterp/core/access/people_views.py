"""What an administrator does to people that is more than a button."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from mkterp.core import roles
from mkterp.core.access import people
from mkterp.core.access.forms import PersonForm, RolesForm
from mkterp.core.errors import Refused
from mkterp.core.models import User
from mkterp.core.screens import toasts
from mkterp.core.screens.explained import explained_by


@require_http_methods(["GET", "POST"])
@roles.requires("core.add_user")
@explained_by("data/people")
def add(request: HttpRequest) -> HttpResponse:
    """Add a person; the invitation follows on their page."""
    form = PersonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            person = people.add(**form.cleaned_data, by=roles.person(request), at=timezone.now())
        except Refused as refused:
            form.add_error("username", str(refused))
        else:
            toasts.say(request, toasts.Toast(f"Added {person}. Now make an invitation for them."))
            return HttpResponseRedirect(reverse("access:person", kwargs={"key": person.pk}))
    context = {
        "form": form,
        "title": "Add a person",
        "button": "Add",
        "back": reverse("access:people"),
    }
    return render(request, "core/people/form.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@roles.requires("core.change_user")
@explained_by("data/people")
def set_roles(request: HttpRequest, key: int) -> HttpResponse:
    """Choose a person's roles, with a reason."""
    person = get_object_or_404(User, pk=key)
    back = reverse("access:person", kwargs={"key": key})
    form = RolesForm(
        request.POST if request.method == "POST" else None,
        initial={"roles": person.groups.order_by("pk")},
    )
    if request.method == "POST" and form.is_valid():
        try:
            people.set_roles(
                person=person, **form.cleaned_data, by=roles.person(request), at=timezone.now()
            )
        except Refused as refused:
            form.add_error("roles", str(refused))
        else:
            toasts.say(request, toasts.Toast(f"The roles of {person} are set."))
            return HttpResponseRedirect(back)
    context = {"form": form, "title": f"Roles of {person}", "button": "Set roles", "back": back}
    return render(request, "core/people/form.html", context, status=422 if form.errors else 200)


@require_POST
@roles.requires("core.change_user")
@explained_by("data/people")
def invite(request: HttpRequest, key: int) -> HttpResponse:
    """Make an invitation and show it once: it is nowhere else to be read."""
    person = get_object_or_404(User, pk=key)
    back = reverse("access:person", kwargs={"key": key})
    try:
        path = people.invite(person=person, by=roles.person(request), at=timezone.now())
    except Refused as refused:
        toasts.say(request, toasts.Toast(str(refused), "broke"))
        return HttpResponseRedirect(back)
    context = {"person": person, "link": request.build_absolute_uri(path), "back": back}
    return render(request, "core/people/invitation.html", context)
