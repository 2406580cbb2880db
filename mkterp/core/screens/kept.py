"""A person's own views of the lists: kept under a name, shown as tabs after the declared ones."""

from datetime import datetime

from django.db import transaction
from django.http import QueryDict
from django.urls import NoReverseMatch, reverse

from mkterp.core.errors import Refused
from mkterp.core.models import KeptView, User

MOST = 12  # of one list: more tabs are no help
_OF_THE_MOMENT = ("after", "before", "open")


@transaction.atomic
def keep(*, person: User, list_name: str, name: str, query: str, at: datetime) -> KeptView:
    """Keep this state of a list; under a name that exists it takes the old one's place.

    Refused for a list that does not exist, and when the person has MOST views of it.
    """
    try:
        reverse(list_name)
    except NoReverseMatch:
        raise Refused("There is no such list.") from None
    data = QueryDict(query, mutable=True)
    for word in _OF_THE_MOMENT:
        data.pop(word, None)
    # Two at once would be one too many.
    User.objects.select_for_update(no_key=True).get(pk=person.pk)
    others = KeptView.objects.filter(person=person, list=list_name).exclude(name=name)
    if others.count() >= MOST:
        raise Refused(f"You keep {MOST} views of this list already. Remove one first.")
    kept, _ = KeptView.objects.update_or_create(
        person=person,
        list=list_name,
        name=name,
        defaults={"query": data.urlencode(safe=","), "kept_at": at},
    )
    return kept


@transaction.atomic
def remove(*, kept: KeptView) -> None:
    """Forget it; the rows it showed are not touched."""
    kept.delete()
