"""What every ERP's way of posting orders in batches has in common."""

from collections.abc import Callable, Mapping, MutableMapping, Sequence

from sync.domain.delivery import Failure, Rejected, Transient
from sync.domain.documents import OrderPhase, OrderState, WriteStatus, Written

_ACCEPTED = {OrderPhase.ACCEPTED, OrderPhase.BOOKED}


def apart(
    keys: Sequence[str],
    failures: MutableMapping[str, Failure],
    action: Callable[[list[str]], None],
) -> None:
    """Do it to all at once; when one is refused, to each half, so that only it fails.

    A call is a transaction, so a refused order takes its companions back with it. Keys that have
    failed before are left out; what fails now joins them.
    """
    group = [key for key in keys if key not in failures]
    if not group:
        return
    try:
        action(group)
    except Rejected as refusal:
        if len(group) == 1:
            failures[group[0]] = refusal
            return
        middle = len(group) // 2
        apart(group[:middle], failures, action)
        apart(group[middle:], failures, action)
    except Failure as failure:
        failures.update(dict.fromkeys(group, failure))


def answer(
    key: str,
    failures: Mapping[str, Failure],
    states: Mapping[str, OrderState],
    *,
    created: bool,
    erp: str,
) -> Written | Failure:
    """What became of one order of the batch, as ErpPort.submit_orders has it; `erp` is its name."""
    if key in failures:
        return failures[key]
    state = states.get(key)
    if state is None:
        return Transient(f"{erp} had the order a moment ago and does not show it now.")
    if state.phase is OrderPhase.CANCELLED:
        return Rejected(f"Sale {state.number or state.ref} is cancelled in {erp}.")
    if state.phase not in _ACCEPTED:
        return Transient(f"Sale {state.number or state.ref} is still a {state.erp_state}.")
    status = WriteStatus.CREATED if created else WriteStatus.EXISTED
    return Written(ref=state.ref, number=state.number, status=status, order=state)
