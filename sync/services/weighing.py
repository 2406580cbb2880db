"""The weight of open cases: what each holds up now and how urgent that makes it, in one statement.

The arithmetic is that of `sync.domain.priority`. It is kept on the row, so that a list of a
million orders by it through an index; what changes with time (the days to the period's end) and
with every order (the money) is renewed each minute.

Money counts once: the orders held up, or what is at stake, whichever is more. Added up they would
count a difference twice that lies in an order it holds up. What is at stake in another currency
counts by its figure, as the orders' money does: no rates are kept here.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection

from mkterp.core.money import odd_currencies
from mkterp.core.periods import month_end
from sync.domain import priority
from sync.domain.cases import CaseKind

_WEIGH = """
WITH kinds AS (
    SELECT * FROM unnest(
        %(kinds)s::text[], %(catalogue)s::int[], %(close)s::int[], %(stock)s::int[]
    ) AS k(kind, catalogue, close, stock)
), held AS (
    SELECT c.id, count(i.id) AS orders, coalesce(sum(i.gross), 0) AS money,
           GREATEST(coalesce(sum(i.gross), 0), c.at_stake_minor::numeric / CASE
               WHEN c.at_stake_currency = ANY(%(whole)s) THEN 1
               WHEN c.at_stake_currency = ANY(%(thousandths)s) THEN 1000
               ELSE 100 END) AS most
      FROM sync_exceptioncase c
      LEFT JOIN sync_invoice_cases link ON link.exceptioncase_id = c.id
      LEFT JOIN sync_invoice i ON i.id = link.invoice_id AND i.state NOT IN ('POSTED', 'CANCELLED')
     WHERE c.state = 'OPEN' AND (%(all)s OR c.id = ANY(%(pks)s))
     GROUP BY c.id
), weighed AS (
    SELECT held.*, kinds.catalogue, kinds.close, kinds.stock,
           LEAST(%(most)s, GREATEST(0, round(
               %(tenfold)s * log(GREATEST(1, 1 + held.most / %(from)s)))))::int AS points,
           CASE WHEN kinds.close > 0 OR held.most > 0 THEN %(days)s ELSE 0 END AS days
      FROM held JOIN sync_exceptioncase c USING (id) JOIN kinds USING (kind)
)
UPDATE sync_exceptioncase c
   SET held_orders = w.orders, held_money = w.money, points_catalogue = w.catalogue,
       points_close = w.close, points_money = w.points, points_stock = w.stock,
       points_days = w.days,
       priority = w.catalogue + w.close + w.points + w.stock + w.days
  FROM weighed w
 WHERE c.id = w.id
   AND (c.held_orders, c.held_money, c.points_catalogue, c.points_close, c.points_money,
        c.points_stock, c.points_days)
       IS DISTINCT FROM
       (w.orders, w.money, w.catalogue, w.close, w.points, w.stock, w.days)
"""


def weigh(*, at: datetime, case_pks: Sequence[int] | None = None) -> int:
    """Weigh these open cases, or all; returns how many changed. A second run changes none."""
    threats = {kind: priority.threat_of(kind) for kind in CaseKind}
    given: dict[str, Any] = {
        "kinds": [kind.value for kind in threats],
        "catalogue": [t.catalogue * priority.CATALOGUE_STEP for t in threats.values()],
        "close": [t.close * priority.CLOSE_STEP for t in threats.values()],
        "stock": [t.stock * priority.STOCK_STEP for t in threats.values()],
        "all": case_pks is None,
        "pks": list(case_pks or []),
        "whole": odd_currencies(0),
        "thousandths": odd_currencies(3),
        "most": priority.MONEY_MOST,
        "tenfold": priority.MONEY_TENFOLD,
        "from": priority.MONEY_FROM,
        "days": priority.days_points(at, month_end(at, settings.COMPANY_TIME_ZONE)),
    }
    with connection.cursor() as cursor:
        cursor.execute(_WEIGH, given)
        changed: int = cursor.rowcount
    return changed
