"""The statements that find, inside PostgreSQL, which orders changed and which are not equal.

An order takes part once it is BOOKED and its documents are mirrored. Equal means: each line and
the shipping have the marketplace's gross and tax, nothing else was invoiced but the document's
rounding line, nothing was refunded, withdrawn or adjusted,
and no difference stands that would have to be cleared.
"""

LOCK = "reconciliation:documents"

# What is compared for each stale order: `equal` says whether it is to the cent. 10^digits turns
# major units into minor ones; digits follow ISO 4217 (mkterp.core.money).
STALE = """
CREATE TEMP TABLE stale_match ON COMMIT DROP AS
WITH booked AS (
    SELECT d.invoice_id,
           string_agg(d.fingerprint || d.state, ',' ORDER BY d.id) AS prints,
           max(d.dated) FILTER (WHERE d.kind = 'invoice') AS day,
           bool_or(d.kind = 'credit note') AS credited,
           bool_or(d.currency <> i.currency) AS other_currency,
           sum(d.gross) FILTER (WHERE d.kind = 'invoice' AND d.state <> 'cancelled') AS gross,
           sum(d.tax) FILTER (WHERE d.kind = 'invoice' AND d.state <> 'cancelled') AS tax
      FROM sync_ledgerdocument d JOIN sync_invoice i ON i.id = d.invoice_id
     WHERE d.state <> 'draft'
     GROUP BY d.invoice_id
), corrected AS (
    SELECT invoice_id, string_agg(id || state || withdrawn_minor || credit_ref, ',' ORDER BY id)
                       AS prints
      FROM sync_correction GROUP BY invoice_id
), adjusted AS (
    SELECT a.invoice_id,
           string_agg(concat_ws('/', a.id, r.id), ',' ORDER BY a.id)
               FILTER (WHERE a.state = 'APPROVED') AS prints
      FROM reconciliation_taxadjustment a
      LEFT JOIN reconciliation_journal r ON r.reverses_id = a.journal_id
     WHERE a.invoice_id IS NOT NULL AND a.state IN ('PREPARED', 'APPROVED')
     GROUP BY a.invoice_id
), candidate AS (
    SELECT i.id AS invoice_id, b.day, b.gross, b.tax, b.credited OR b.other_currency AS odd,
           c.invoice_id IS NOT NULL OR a.invoice_id IS NOT NULL AS corrected,
           encode(sha256(convert_to(concat_ws(
               '|', i.content_hash, i.treatment, b.prints, c.prints, a.prints, %(rules)s
           ), 'UTF8')), 'hex') AS version
      FROM booked b
      JOIN sync_invoice i ON i.id = b.invoice_id
      JOIN sync_erpdocument e ON e.invoice_id = i.id AND e.booked_at IS NOT NULL
      LEFT JOIN corrected c ON c.invoice_id = i.id
      LEFT JOIN adjusted a ON a.invoice_id = i.id
     WHERE b.day IS NOT NULL
), stale AS (
    SELECT c.* FROM candidate c
      LEFT JOIN reconciliation_documentmatch m ON m.invoice_id = c.invoice_id
     WHERE m.version IS DISTINCT FROM c.version
), sold AS (
    SELECT l.invoice_id, l.marketplacer_id AS place, l.total AS gross, l.tax
      FROM sync_invoiceline l JOIN stale USING (invoice_id)
    UNION ALL
    SELECT l.invoice_id, 'shipping', sum(l.postage), sum(l.postage_tax)
      FROM sync_invoiceline l JOIN stale USING (invoice_id)
     GROUP BY l.invoice_id HAVING sum(l.postage) <> 0 OR sum(l.postage_tax) <> 0
), held AS (
    SELECT d.invoice_id,
           CASE WHEN l.line_key LIKE 'shipping:%%' THEN 'shipping' ELSE l.line_key END AS place,
           sum(l.net + l.tax) AS gross, sum(l.tax) AS tax
      FROM sync_ledgerdocumentline l
      JOIN sync_ledgerdocument d ON d.id = l.document_id
      JOIN stale s ON s.invoice_id = d.invoice_id
     WHERE d.kind = 'invoice' AND d.state IN ('posted', 'paid')
     GROUP BY 1, 2
), unequal AS (
    SELECT coalesce(s.invoice_id, h.invoice_id) AS invoice_id
      FROM sold s FULL JOIN held h ON h.invoice_id = s.invoice_id AND h.place = s.place
     WHERE coalesce(h.place, '') <> 'rounding'
       AND (s.gross, s.tax) IS DISTINCT FROM (h.gross, h.tax)
     GROUP BY 1
)
SELECT s.invoice_id, s.version, s.day,
       NOT (s.odd OR s.corrected OR u.invoice_id IS NOT NULL
            OR s.gross IS DISTINCT FROM i.gross OR s.tax IS DISTINCT FROM i.tax
            OR EXISTS (SELECT FROM reconciliation_discrepancy x
                        WHERE x.invoice_id = s.invoice_id AND x.cleared_at IS NULL)) AS equal,
       s.gross, s.tax
  FROM stale s JOIN sync_invoice i ON i.id = s.invoice_id
  LEFT JOIN unequal u ON u.invoice_id = s.invoice_id
"""

EQUAL = """
INSERT INTO reconciliation_documentmatch AS m
       (invoice_id, version, state, day, currency, theirs_gross_minor, theirs_tax_minor,
        ours_gross_minor, ours_tax_minor, compared_at)
SELECT s.invoice_id, s.version, 'EQUAL', s.day, i.currency, x.gross, x.tax, x.gross, x.tax, %(at)s
  FROM stale_match s JOIN sync_invoice i ON i.id = s.invoice_id
 CROSS JOIN LATERAL (
    SELECT (s.gross * f.factor)::bigint AS gross, (s.tax * f.factor)::bigint AS tax
      FROM (SELECT CASE WHEN i.currency = ANY(%(none)s) THEN 1
                        WHEN i.currency = ANY(%(three)s) THEN 1000 ELSE 100 END AS factor) f) x
 WHERE s.equal
ON CONFLICT (invoice_id) DO UPDATE
   SET version = excluded.version, state = excluded.state, day = excluded.day,
       currency = excluded.currency, theirs_gross_minor = excluded.theirs_gross_minor,
       theirs_tax_minor = excluded.theirs_tax_minor, ours_gross_minor = excluded.ours_gross_minor,
       ours_tax_minor = excluded.ours_tax_minor, compared_at = excluded.compared_at
"""
