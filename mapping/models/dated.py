"""Rows that are in force for a span of time."""

from datetime import datetime
from typing import Self, TypeVar

from django.contrib.postgres.fields import DateTimeRangeField
from django.db import models
from django.db.models import F, Func, Q


class TstzRange(Func):
    """The half-open span of time a dated row is in force; an open end is no bound."""

    function = "TSTZRANGE"
    output_field = DateTimeRangeField()


IN_FORCE = TstzRange(F("valid_from"), F("valid_until"))


Dated = TypeVar("Dated", bound=models.Model, covariant=True)


class DatedQuerySet(models.QuerySet[Dated]):
    def in_force(self, at: datetime) -> Self:
        """Rows whose span [valid_from, valid_until) holds the moment."""
        return self.filter(
            Q(valid_from__isnull=True) | Q(valid_from__lte=at),
            Q(valid_until__isnull=True) | Q(valid_until__gt=at),
        )
