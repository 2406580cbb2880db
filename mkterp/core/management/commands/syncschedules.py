"""`manage.py syncschedules`: the schedules in the database become those declared in settings."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone
from django_q.models import Schedule


class Command(BaseCommand):
    help = "Make django-q2's schedules equal to settings.SCHEDULES."

    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            Schedule.objects.exclude(name__in=settings.SCHEDULES).delete()
            for task, minutes in settings.SCHEDULES.items():
                schedule, created = Schedule.objects.get_or_create(
                    name=task,
                    defaults={
                        "func": task,
                        "schedule_type": Schedule.MINUTES,
                        "minutes": minutes,
                        "repeats": -1,
                        "next_run": timezone.now(),
                    },
                )
                if not created and (schedule.func, schedule.minutes) != (task, minutes):
                    schedule.func, schedule.minutes = task, minutes
                    schedule.schedule_type, schedule.repeats = Schedule.MINUTES, -1
                    schedule.save()
        if options["verbosity"]:
            self.stdout.write(f"{len(settings.SCHEDULES)} schedules")
