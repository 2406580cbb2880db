"""What the database itself holds of the books, whoever writes: balance, and what was approved."""

from django.db import migrations

REFUSE = """
CREATE FUNCTION reconciliation_journal_balances() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    checked bigint := CASE TG_TABLE_NAME
        WHEN 'reconciliation_journal' THEN (to_jsonb(NEW)->>'id')::bigint
        ELSE (to_jsonb(NEW)->>'journal_id')::bigint END;
    debits numeric;
    credits numeric;
BEGIN
    SELECT coalesce(sum(debit), 0), coalesce(sum(credit), 0) INTO debits, credits
      FROM reconciliation_journalline WHERE journal_id = checked;
    IF debits <> credits OR debits = 0 THEN
        RAISE EXCEPTION 'journal % does not balance: debits %, credits %', checked, debits, credits
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;
-- At commit, when all of a journal's lines are there.
CREATE CONSTRAINT TRIGGER reconciliation_journalline_balances
    AFTER INSERT ON reconciliation_journalline
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION reconciliation_journal_balances();
CREATE CONSTRAINT TRIGGER reconciliation_journal_has_lines
    AFTER INSERT ON reconciliation_journal
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION reconciliation_journal_balances();

CREATE FUNCTION reconciliation_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% cannot be changed or deleted', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE TRIGGER reconciliation_journalline_fixed BEFORE UPDATE OR DELETE
    ON reconciliation_journalline FOR EACH ROW EXECUTE FUNCTION reconciliation_refuse();
CREATE TRIGGER reconciliation_journal_stays BEFORE DELETE
    ON reconciliation_journal FOR EACH ROW EXECUTE FUNCTION reconciliation_refuse();
CREATE TRIGGER reconciliation_taxadjustment_stays BEFORE DELETE
    ON reconciliation_taxadjustment FOR EACH ROW EXECUTE FUNCTION reconciliation_refuse();

CREATE FUNCTION reconciliation_journalline_in_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM reconciliation_journal
                WHERE id = NEW.journal_id AND posting_id IS NOT NULL) THEN
        RAISE EXCEPTION 'journal % is approved: it takes no more lines', NEW.journal_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER reconciliation_journalline_in_time BEFORE INSERT
    ON reconciliation_journalline FOR EACH ROW
    EXECUTE FUNCTION reconciliation_journalline_in_time();

-- The message that carries it and what was read back are written later. What was approved stays.
CREATE FUNCTION reconciliation_journal_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.key, OLD.day, OLD.currency, OLD.account, OLD.clearing_account, OLD.approved_by_id,
        OLD.approved_at, OLD.reverses_id, OLD.posting_date)
       IS DISTINCT FROM
       (NEW.key, NEW.day, NEW.currency, NEW.account, NEW.clearing_account, NEW.approved_by_id,
        NEW.approved_at, NEW.reverses_id, NEW.posting_date) THEN
        RAISE EXCEPTION 'journal % is approved and cannot be changed', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER reconciliation_journal_fixed BEFORE UPDATE
    ON reconciliation_journal FOR EACH ROW EXECUTE FUNCTION reconciliation_journal_fixed();

CREATE FUNCTION reconciliation_taxadjustment_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'PREPARED' THEN
        RAISE EXCEPTION 'adjustment % is decided and cannot be changed', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (OLD.kind, OLD.invoice_id, OLD.day, OLD.currency, OLD.account, OLD.clearing_account,
        OLD.party, OLD.tax_code, OLD.amount_minor, OLD.theirs_minor, OLD.ours_minor,
        OLD.prepared_by_id, OLD.prepared_at)
       IS DISTINCT FROM
       (NEW.kind, NEW.invoice_id, NEW.day, NEW.currency, NEW.account, NEW.clearing_account,
        NEW.party, NEW.tax_code, NEW.amount_minor, NEW.theirs_minor, NEW.ours_minor,
        NEW.prepared_by_id, NEW.prepared_at) THEN
        RAISE EXCEPTION 'adjustment % is prepared: decide on it, or prepare another', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.journal_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM reconciliation_journal j
         WHERE j.id = NEW.journal_id AND j.approved_by_id = NEW.decided_by_id
           AND (j.day, j.currency, j.account, j.clearing_account)
             = (NEW.day, NEW.currency, NEW.account, NEW.clearing_account)) THEN
        RAISE EXCEPTION 'adjustment % does not belong into journal %', OLD.id, NEW.journal_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER reconciliation_taxadjustment_fixed BEFORE UPDATE
    ON reconciliation_taxadjustment FOR EACH ROW
    EXECUTE FUNCTION reconciliation_taxadjustment_fixed();
"""

ALLOW = """
DROP TRIGGER reconciliation_taxadjustment_fixed ON reconciliation_taxadjustment;
DROP TRIGGER reconciliation_journal_fixed ON reconciliation_journal;
DROP TRIGGER reconciliation_journalline_in_time ON reconciliation_journalline;
DROP TRIGGER reconciliation_taxadjustment_stays ON reconciliation_taxadjustment;
DROP TRIGGER reconciliation_journal_stays ON reconciliation_journal;
DROP TRIGGER reconciliation_journalline_fixed ON reconciliation_journalline;
DROP TRIGGER reconciliation_journal_has_lines ON reconciliation_journal;
DROP TRIGGER reconciliation_journalline_balances ON reconciliation_journalline;
DROP FUNCTION reconciliation_taxadjustment_fixed();
DROP FUNCTION reconciliation_journal_fixed();
DROP FUNCTION reconciliation_journalline_in_time();
DROP FUNCTION reconciliation_refuse();
DROP FUNCTION reconciliation_journal_balances();
"""


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0006_books")]
    operations = [migrations.RunSQL(REFUSE, ALLOW)]
