"""The inbox: everything Marketplacer tells us, stored as it came before anything is decided."""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import User
from sync import connections
from sync.domain.cases import CaseKind
from sync.domain.delivery import Failure, Throttled
from sync.marketplacer.webhook import WebhookEvent
from sync.models import ExceptionCase, InboxMessage
from sync.services import bulk, cases, feeds, lanes, orders, work
from sync.services.cases import Cause

log = logging.getLogger(__name__)

State = InboxMessage.State
Source = InboxMessage.Source

PROCESS = "sync.tasks.process_inbox"
FETCH = "sync.tasks.fetch_hinted"
# The events that are acted on, and the task that reads what they name.
HINTED = {"Invoice": FETCH, "RemittanceAdvice": "sync.tasks.pull_advices"}
# The nodes that a service of their own works (see `payouts`), and its task.
WORKED_BY = dict.fromkeys(
    ("InvoiceMoney", "Remittance", "RemittanceAdvice"), "sync.tasks.process_payouts"
)
BATCH = 200
FETCH_BATCH = 50


# In plain SQL and a transaction of its own: a webhook is answered within milliseconds, and most of
# them went into composing this and into more trips to the database.
_STORE_HINT = """
INSERT INTO sync_inboxmessage (source, identity, typename, node_id, sequence, event_name, body,
       received_at, not_before, state, note, attempts, unrecorded)
VALUES (%(source)s, %(identity)s, %(typename)s, %(node_id)s, %(sequence)s, %(event_name)s,
       %(body)s::jsonb, %(at)s, %(at)s, %(state)s, %(note)s, 0, 0)
ON CONFLICT (source, identity) DO NOTHING
"""


def receive_hint(*, hint: WebhookEvent, at: datetime) -> bool:
    """Store a webhook once and wake the fetcher; returns whether it was news.

    Any other kind than those in HINTED is kept and marked as not needed. Killed between the two,
    the fetcher comes by its schedule.
    """
    wanted = hint.typename in HINTED and bool(hint.node_id)
    with connection.cursor() as cursor:
        cursor.execute(
            _STORE_HINT,
            {
                "source": Source.HINT.value,
                "identity": hint.identity,
                "typename": hint.typename,
                "node_id": hint.node_id,
                "sequence": hint.sequence,
                "event_name": hint.event_name,
                "body": json.dumps(hint.body),
                "at": at,
                "state": (State.NEW if wanted else State.IGNORED).value,
                "note": "" if wanted else "nothing here acts on this kind of event",
            },
        )
        created = bool(cursor.rowcount)
    if wanted:
        lanes.wake(task=HINTED[hint.typename], at=at)
    return created


@transaction.atomic
def receive_nodes(*, nodes: Sequence[Mapping[str, Any]], at: datetime) -> int:
    """Store invoices as they were read and wake their processing; returns how many were given.

    The same invoice with the same content is one row, whichever way it came. `updatedAt` alone
    does not tell versions apart: it is whole seconds, and two changes fit into one.
    """
    bulk.insert(
        [
            InboxMessage(
                source=Source.NODE,
                identity=_identity(node),
                typename="Invoice",
                node_id=node["id"],
                body=node,
                received_at=at,
                not_before=at,
            )
            for node in nodes
        ],
        ignore_conflicts=True,
    )
    if nodes:
        lanes.wake(task=PROCESS, at=at)
    return len(nodes)


def _identity(node: Mapping[str, Any]) -> str:
    plain = json.dumps(node, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(plain.encode()).hexdigest()[:16]
    return f"{node['id']}@{node.get('updatedAt')}#{digest}"


def fetch_hinted(*, clock: Callable[[], datetime]) -> int:
    """Read the invoices that webhooks named, as they are now; returns how many hints were served.

    Late and doubled webhooks stop mattering here: the newest version comes, once.
    """
    served = 0
    while not feeds.held_back(name="fetch_hinted", at=clock()):
        lease, hints = work.claim(
            InboxMessage.objects.filter(source=Source.HINT, state=State.NEW, typename="Invoice"),
            at=clock(),
            limit=FETCH_BATCH,
        )
        if not hints:
            return served
        failure: Failure | None = None
        nodes: Sequence[Mapping[str, Any]] = []
        try:
            nodes = connections.marketplacer().invoice_nodes({hint.node_id for hint in hints})
        except Failure as problem:
            failure = problem
        with transaction.atomic():
            receive_nodes(nodes=nodes, at=clock())
            _record_hints(lease, hints, failure, clock())
        feeds.told(name="fetch_hinted", failure=failure, at=clock(), counts={"read": len(nodes)})
        if failure is not None:
            return served
        served += len(hints)
    return served


def _record_hints(
    lease: Any, hints: Sequence[InboxMessage], failure: Failure | None, at: datetime
) -> None:
    held = work.hold(InboxMessage, lease=lease, pks=[hint.pk for hint in hints])
    if failure is None:
        for hint in held:
            hint.state, hint.note = State.DONE, "read from Marketplacer"
        _settle(held, at)
        return
    # The poll brings the same news; a hint that cannot be served only waits.
    seconds = failure.retry_after if isinstance(failure, Throttled) else None
    InboxMessage.objects.filter(pk__in=[hint.pk for hint in held]).update(
        not_before=at + timedelta(seconds=seconds or 30),
        note=f"{failure.kind}: {failure}"[:500],
        lease=None,
        lease_until=None,
        unrecorded=0,
    )


def process(*, clock: Callable[[], datetime]) -> int:
    """Translate stored invoices until none is waiting; returns how many messages were worked."""
    worked = 0
    _park_poisoned(clock())
    while True:
        lease, messages = work.claim(
            InboxMessage.objects.filter(
                source=Source.NODE, state=State.NEW, typename="Invoice"
            ).defer("body"),  # read under the lock, below
            at=clock(),
            limit=BATCH,
        )
        if not messages:
            return worked
        with transaction.atomic():
            held = work.hold(InboxMessage, lease=lease, pks=[m.pk for m in messages])
            orders.refresh(messages=held, at=clock())
            _settle(held, clock())
        worked += len(messages)


def _settle(messages: Sequence[InboxMessage], at: datetime) -> None:
    """Record what became of each message and give up the lease on all."""
    outcomes: dict[tuple[str, str], list[int]] = {}
    for message in messages:
        outcomes.setdefault((message.state, message.note), []).append(message.pk)
    for (state, note), pks in outcomes.items():
        InboxMessage.objects.filter(pk__in=pks).update(
            state=state, note=note, processed_at=at, lease=None, lease_until=None, unrecorded=0
        )


@transaction.atomic
def _park_poisoned(at: datetime) -> None:
    waiting = InboxMessage.objects.filter(state=State.NEW)
    for message in work.poisoned(waiting, at=at):
        work.release([message], at=at)
        message.state, message.processed_at = State.UNREADABLE, at
        message.note = "each try ended the worker before it finished"
        message.save()
        cause = Cause(
            CaseKind.POISON,
            f"inbox:{message.pk}",
            f"Reading {_named(message)} stopped the worker several times.",
        )
        cases.open_case(cause=cause, at=at)


def _named(message: InboxMessage) -> str:
    """What people call it: an order by its number."""
    number = message.body.get("legacyId") if message.typename == "Invoice" else None
    return f"the news of INV-{number}" if number else f"message {message.identity}"


@transaction.atomic
def retry(*, message: InboxMessage, by: User, at: datetime) -> InboxMessage:
    """A person has an unreadable message read again, after what was wrong has been mended.

    Refused unless the message is UNREADABLE. Its own case resolves when it can be read.
    """
    locked = InboxMessage.objects.select_for_update(no_key=True, of=("self",)).get(pk=message.pk)
    if locked.state != State.UNREADABLE:
        raise Refused(f"Message {locked.pk} is {locked.get_state_display()}; it needs no retry.")
    locked.state, locked.not_before, locked.unrecorded = State.NEW, at, 0
    locked.save(update_fields=["state", "not_before", "unrecorded"])
    audit.record(action="inbox.retry", subject=locked, by=by, at=at, after={"state": "NEW"})
    poison = ExceptionCase.objects.filter(
        kind=CaseKind.POISON, key=f"inbox:{locked.pk}", state=ExceptionCase.State.OPEN
    )
    for case in poison:
        cases.resolve(case=case, resolution="It is being read again.", at=at, by=by)
    worked = HINTED if locked.source == Source.HINT else WORKED_BY
    lanes.wake(task=worked.get(locked.typename, PROCESS), at=at)
    return locked


def refuse_webhook(*, problem: str, sentence: str, at: datetime) -> ExceptionCase:
    """Count a webhook that cannot be believed or stored; nothing in it is acted on.

    `problem` names the cause, so that a thousand of them are one case.
    """
    cause = Cause(CaseKind.WEBHOOK_REFUSED, f"webhook:{problem}", sentence)
    return cases.open_case(cause=cause, at=at)
