"""The door for Marketplacer's webhooks: authentic and stored is answered 200, nothing else is.

Marketplacer switches a whole webhook off at the first 4xx that is not 429 (docs: webhook
retries), so there is no safe 4xx here: what cannot be believed or stored answers 503, which keeps
the webhook alive and retrying, and is counted in a case.
"""

import logging

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from mkterp.core.roles import public
from sync.marketplacer import webhook
from sync.marketplacer.parse import Unreadable
from sync.services import inbox

log = logging.getLogger(__name__)


def _refuse(problem: str, sentence: str) -> HttpResponse:
    log.warning("webhook refused: %s", problem)
    inbox.refuse_webhook(problem=problem, sentence=sentence, at=timezone.now())
    return HttpResponse(status=503)


@csrf_exempt
@public
def receive(request: HttpRequest) -> HttpResponse:
    """Store one event and answer within milliseconds; the work is done elsewhere."""
    if request.method != "POST":
        return HttpResponse("Marketplacer posts its webhooks here.", content_type="text/plain")
    length = int(request.headers.get("Content-Length") or 0)
    if length > settings.WEBHOOK_MAX_BYTES:
        limit = settings.WEBHOOK_MAX_BYTES
        return _refuse("oversized", f"Webhooks arrive that are larger than {limit:,} bytes.")
    body = request.body
    signature = request.headers.get("Marketplacer-Hmac-256")
    if not webhook.verify(body, signature, settings.MARKETPLACER_WEBHOOK_KEY):
        return _refuse("signature", "Webhooks arrive whose signature does not fit our key.")
    try:
        event = webhook.read(request.headers, body)
    except Unreadable as problem:
        # Authentic, so it would come again for ever: take it, and let a person look.
        log.warning("webhook unreadable: %s", problem)
        inbox.refuse_webhook(
            problem="unreadable",
            sentence=f"Marketplacer sends webhooks that cannot be read: {problem}",
            at=timezone.now(),
        )
        return HttpResponse(status=200)
    try:
        inbox.receive_hint(hint=event, at=timezone.now())
    except DatabaseError:
        log.exception("webhook %s could not be stored", event.identity)
        return HttpResponse(status=503)
    return HttpResponse(status=200)
