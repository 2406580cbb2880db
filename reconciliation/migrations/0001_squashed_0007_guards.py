"""The tables of the comparison and the close, and what the database itself holds of the books."""

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models

from mkterp.core.migrating import CreateModels
from reconciliation.models.settlement import DateRange

# Whoever writes: a journal balances, and what was approved stays.
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

    # A database in which all of these were applied counts as migrated. One that has only some of them
    # goes no further: bring it to the last with the release that still holds them, or make it anew.
    replaces = [
        ('reconciliation', '0001_settlement'),
        ('reconciliation', '0002_versions'),
        ('reconciliation', '0003_uploads'),
        ('reconciliation', '0004_entries'),
        ('reconciliation', '0005_may_book'),
        ('reconciliation', '0006_books'),
        ('reconciliation', '0007_guards'),
    ]

    dependencies = [
        ('core', '0001_squashed_0009_practice'),
        ('mapping', '0001_squashed_0008_long_lists'),
        ('sync', '0001_squashed_0018_workers_of_a_lane'),
    ]

    operations = [
        CreateModels([
            # What a seller should be paid, by our own reckoning, and by which rules we call it agreed.
            migrations.CreateModel(
                name='Expectation',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('origin', models.CharField(max_length=120, unique=True)),
                    ('kind', models.CharField(choices=[('SALE', 'sale'), ('REFUND', 'refund'), ('CANCELLATION', 'cancellation'), ('OTHER', 'amendment')], max_length=20)),
                    ('treatment', models.CharField(blank=True, max_length=20)),
                    ('currency', models.CharField(max_length=3)),
                    ('due_date', models.DateField()),
                    ('amount_minor', models.BigIntegerField()),
                    ('commission_minor', models.BigIntegerField()),
                    ('components', models.JSONField()),
                    ('touched_at', models.DateTimeField()),
                    ('amendment', models.OneToOneField(null=True, on_delete=models.PROTECT, related_name='+', to='sync.amendment')),
                    ('invoice', models.ForeignKey(on_delete=models.PROTECT, related_name='expectations', to='sync.invoice')),
                    ('seller', models.ForeignKey(null=True, on_delete=models.PROTECT, related_name='+', to='mapping.seller')),
                    ('version', models.CharField(default='', max_length=200)),
                ],
                options={
                    'ordering': ['-id'],
                    'indexes': [
                        models.Index(fields=['touched_at'], name='expectation_touched'),
                        models.Index(fields=['seller', 'due_date'], name='expectation_seller_day'),
                    ],
                },
            ),
            migrations.CreateModel(
                name='MatchingRule',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('valid_from', models.DateField(blank=True, null=True)),
                    ('valid_until', models.DateField(blank=True, null=True)),
                    ('tolerance_minor', models.PositiveIntegerField(default=0)),
                    ('bank_tolerance_minor', models.PositiveIntegerField(default=0)),
                    ('bank_window_days', models.PositiveIntegerField(default=30)),
                    ('match_by_amount', models.BooleanField(default=True)),
                    ('grace_days', models.PositiveIntegerField(default=3)),
                    ('reason', models.TextField()),
                    ('set_at', models.DateTimeField()),
                    ('set_by', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': [models.OrderBy(models.F('valid_from'), descending=True, nulls_last=True)],
                    'permissions': [('set_matchingrule', 'Can set a matching rule')],
                    'constraints': [
                        ExclusionConstraint(expressions=[(DateRange('valid_from', 'valid_until'), '&&')], name='matchingrule_one_at_a_time'),
                        models.CheckConstraint(condition=models.Q(('valid_from', None), ('valid_until', None), ('valid_until__gt', models.F('valid_from')), _connector='OR'), name='matchingrule_ends_after_it_begins'),
                    ],
                },
            ),
            # What the bank and the payment gateway say, line by line, as their files said it.
            migrations.CreateModel(
                name='BankFile',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(choices=[('CSV', 'bank statement, CSV'), ('CAMT', 'bank statement, CAMT.053'), ('GATEWAY', 'gateway payouts, CSV')], max_length=20)),
                    ('name', models.CharField(max_length=300)),
                    ('sha256', models.CharField(max_length=64, unique=True)),
                    ('account', models.CharField(max_length=60)),
                    ('lines_read', models.PositiveIntegerField()),
                    ('lines_new', models.PositiveIntegerField()),
                    ('columns', models.JSONField(default=dict)),
                    ('taken_at', models.DateTimeField()),
                    ('taken_by', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ['-id'],
                    'permissions': [('take_bankfile', 'Can take in a bank or gateway file')],
                },
            ),
            migrations.CreateModel(
                name='BankUpload',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(max_length=300)),
                    ('body', models.BinaryField()),
                    ('uploaded_at', models.DateTimeField()),
                    ('uploaded_by', models.ForeignKey(on_delete=models.CASCADE, to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ['-id'],
                },
            ),
            migrations.CreateModel(
                name='BankLine',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('account', models.CharField(max_length=60)),
                    ('identity', models.CharField(max_length=300)),
                    ('booked_date', models.DateField()),
                    ('amount_minor', models.BigIntegerField()),
                    ('currency', models.CharField(max_length=3)),
                    ('reference', models.CharField(blank=True, max_length=300)),
                    ('counterparty', models.CharField(blank=True, max_length=300)),
                    ('text', models.TextField(blank=True)),
                    ('file', models.ForeignKey(on_delete=models.PROTECT, related_name='bank_lines', to='reconciliation.bankfile')),
                ],
                options={
                    'ordering': ['-booked_date', '-id'],
                    'indexes': [models.Index(fields=['-booked_date', '-id'], name='bankline_date')],
                    'constraints': [models.UniqueConstraint(fields=('account', 'identity'), name='bankline_once')],
                },
            ),
            migrations.CreateModel(
                name='GatewayLine',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('account', models.CharField(max_length=60)),
                    ('identity', models.CharField(max_length=300)),
                    ('kind', models.CharField(choices=[('PAYMENT', 'payment'), ('REFUND', 'refund'), ('FEE', 'fee'), ('CHARGEBACK', 'chargeback')], max_length=20)),
                    ('invoice_number', models.CharField(blank=True, max_length=60)),
                    ('day', models.DateField()),
                    ('amount_minor', models.BigIntegerField()),
                    ('fee_minor', models.BigIntegerField(default=0)),
                    ('currency', models.CharField(max_length=3)),
                    ('payout', models.CharField(blank=True, max_length=120)),
                    ('file', models.ForeignKey(on_delete=models.PROTECT, related_name='gateway_lines', to='reconciliation.bankfile')),
                    ('invoice', models.ForeignKey(null=True, on_delete=models.PROTECT, related_name='gateway_lines', to='sync.invoice')),
                    ('entry', models.ForeignKey(null=True, on_delete=models.PROTECT, related_name='gateway_lines', to='reconciliation.settlemententry')),
                ],
                options={
                    'ordering': ['-day', '-id'],
                    'indexes': [models.Index(fields=['payout'], name='gatewayline_payout')],
                    'constraints': [models.UniqueConstraint(fields=('account', 'identity'), name='gatewayline_once')],
                },
            ),
            # What matching found: the pairs, what is left over of each, and every run.
            migrations.CreateModel(
                name='MatchRun',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('started_at', models.DateTimeField()),
                    ('finished_at', models.DateTimeField()),
                    ('since', models.DateTimeField(blank=True, null=True)),
                    ('counts', models.JSONField(default=dict)),
                ],
                options={
                    'ordering': ['-id'],
                    'permissions': [('run_matchrun', 'Can run the matching now')],
                },
            ),
            migrations.CreateModel(
                name='PayoutMatch',
                fields=[
                    ('remittance', models.OneToOneField(db_constraint=False, on_delete=models.DO_NOTHING, primary_key=True, related_name='match', serialize=False, to='sync.remittance')),
                    ('state', models.SmallIntegerField(choices=[(0, 'equal'), (1, 'within tolerance'), (2, 'different'), (3, 'one too many')])),
                    ('residue_minor', models.BigIntegerField()),
                    ('expectation', models.ForeignKey(db_constraint=False, db_index=False, on_delete=models.DO_NOTHING, related_name='matches', to='reconciliation.expectation')),
                ],
                options={
                    'ordering': ['remittance'],
                    'indexes': [
                        models.Index(fields=['expectation'], name='payoutmatch_expectation'),
                        models.Index(condition=models.Q(('state', 0), _negated=True), fields=['state'], name='payoutmatch_unequal'),
                    ],
                },
            ),
            migrations.CreateModel(
                name='CashMatch',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('amount_minor', models.BigIntegerField()),
                    ('how', models.CharField(choices=[('REFERENCE', 'by reference'), ('AMOUNT', 'by amount and date'), ('TOGETHER', 'several together'), ('PERSON', 'by a person')], max_length=20)),
                    ('reason', models.TextField(blank=True)),
                    ('made_at', models.DateTimeField()),
                    ('advice', models.ForeignKey(on_delete=models.PROTECT, related_name='payments', to='sync.remittanceadvice')),
                    ('bank_line', models.ForeignKey(on_delete=models.PROTECT, related_name='pays', to='reconciliation.bankline')),
                    ('made_by', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ['id'],
                    'permissions': [('make_cashmatch', 'Can match a payment by hand')],
                    'constraints': [models.UniqueConstraint(fields=('advice', 'bank_line'), name='cashmatch_once')],
                },
            ),
            migrations.CreateModel(
                name='Residue',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('key', models.CharField(max_length=300)),
                    ('level', models.CharField(choices=[('PAYOUT', 'expected against remitted'), ('ADVICE', 'remitted against advised'), ('BANK', 'advised against paid'), ('MONEY', "customers' money against what they paid")], max_length=20)),
                    ('cause', models.CharField(max_length=40)),
                    ('component', models.CharField(blank=True, max_length=40)),
                    ('day', models.DateField()),
                    ('currency', models.CharField(max_length=3)),
                    ('amount_minor', models.BigIntegerField()),
                    ('expected_minor', models.BigIntegerField(null=True)),
                    ('found_minor', models.BigIntegerField(null=True)),
                    ('sentence', models.TextField()),
                    ('found_at', models.DateTimeField()),
                    ('cleared_at', models.DateTimeField(blank=True, null=True)),
                    ('advice', models.ForeignKey(null=True, on_delete=models.PROTECT, related_name='residues', to='sync.remittanceadvice')),
                    ('bank_line', models.ForeignKey(null=True, on_delete=models.PROTECT, related_name='residues', to='reconciliation.bankline')),
                    ('case', models.ForeignKey(null=True, on_delete=models.PROTECT, related_name='+', to='sync.exceptioncase')),
                    ('expectation', models.ForeignKey(null=True, on_delete=models.PROTECT, related_name='residues', to='reconciliation.expectation')),
                    ('remittance', models.ForeignKey(null=True, on_delete=models.PROTECT, related_name='residues', to='sync.remittance')),
                    ('seller', models.ForeignKey(null=True, on_delete=models.PROTECT, related_name='+', to='mapping.seller')),
                ],
                options={
                    'ordering': ['-id'],
                    'indexes': [
                        models.Index(fields=['seller', 'day'], name='residue_seller_day'),
                        models.Index(condition=models.Q(('cleared_at', None)), fields=['day'], name='residue_open'),
                    ],
                    'constraints': [models.UniqueConstraint(condition=models.Q(('cleared_at', None)), fields=('key',), name='residue_one_standing')],
                },
            ),
            # Per seller and month: what we expect, what Marketplacer told, what the bank paid.
            migrations.CreateModel(
                name='SellerPeriod',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('month', models.DateField()),
                    ('currency', models.CharField(max_length=3)),
                    ('expected_minor', models.BigIntegerField()),
                    ('told_minor', models.BigIntegerField()),
                    ('advised_minor', models.BigIntegerField()),
                    ('paid_minor', models.BigIntegerField()),
                    ('residue_minor', models.BigIntegerField()),
                    ('residues', models.PositiveIntegerField()),
                    ('components', models.JSONField(default=dict)),
                    ('seller', models.ForeignKey(on_delete=models.PROTECT, related_name='payout_periods', to='mapping.seller')),
                ],
                options={
                    'ordering': ['-month', 'seller'],
                    'constraints': [models.UniqueConstraint(fields=('seller', 'month', 'currency'), name='sellerperiod_once')],
                },
            ),
            # The settlement's journal entries on their way to the ERP.
            migrations.CreateModel(
                name='SettlementEntry',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('key', models.CharField(max_length=200, unique=True)),
                    ('event', models.CharField(choices=[('SALE', 'sale booked'), ('REFUND', 'refund booked'), ('ADVICE', 'advice issued'), ('PAID', 'advice paid'), ('MONEY', "customers' money arrived")], max_length=20)),
                    ('posting_date', models.DateField()),
                    ('currency', models.CharField(max_length=3)),
                    ('memo', models.CharField(max_length=300)),
                    ('lines', models.JSONField()),
                    ('prepared_at', models.DateTimeField()),
                    ('advice', models.ForeignKey(null=True, on_delete=models.PROTECT, related_name='entries', to='sync.remittanceadvice')),
                    ('amendment', models.ForeignKey(null=True, on_delete=models.PROTECT, related_name='entries', to='sync.amendment')),
                    ('bank_line', models.ForeignKey(null=True, on_delete=models.PROTECT, related_name='entries', to='reconciliation.bankline')),
                    ('invoice', models.ForeignKey(null=True, on_delete=models.PROTECT, related_name='entries', to='sync.invoice')),
                    ('posting', models.OneToOneField(on_delete=models.PROTECT, related_name='+', to='sync.outboxmessage')),
                    ('reverses', models.OneToOneField(null=True, on_delete=models.PROTECT, related_name='reversed_by', to='reconciliation.settlemententry')),
                    ('debit_minor', models.BigIntegerField()),
                    ('credit_minor', models.BigIntegerField()),
                ],
                options={
                    'ordering': ['-id'],
                    'permissions': [
                        ('book_settlemententry', 'Can have an advice booked as it stands'),
                        ('reverse_settlemententry', 'Can take back a settlement entry'),
                    ],
                    'constraints': [models.CheckConstraint(condition=models.Q(('debit_minor', models.F('credit_minor')), ('debit_minor__gte', 0)), name='settlemententry_balances')],
                },
            ),
            # Do the ERP's documents hold what was sold: the comparison, its rules, its findings.
            migrations.CreateModel(
                name='DifferenceRule',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('about', models.CharField(choices=[('ROUNDING', 'rounding'), ('BASIS', 'tax basis of postage'), ('CLEARING', 'clearing balance')], max_length=20)),
                    ('currency', models.CharField(max_length=3)),
                    ('country', models.CharField(blank=True, max_length=2)),
                    ('base_minor', models.PositiveIntegerField()),
                    ('per_line_minor', models.PositiveIntegerField(default=0)),
                    ('books_tax', models.BooleanField(default=True)),
                    ('valid_from', models.DateField(blank=True, null=True)),
                    ('valid_until', models.DateField(blank=True, null=True)),
                    ('reason', models.TextField()),
                    ('set_at', models.DateTimeField()),
                    ('set_by', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ['about', 'currency', 'country', '-id'],
                    'permissions': [('set_differencerule', 'Can set a tolerance')],
                    'constraints': [
                        ExclusionConstraint(expressions=[('about', '='), ('currency', '='), ('country', '='), (DateRange('valid_from', 'valid_until'), '&&')], name='differencerule_one_at_a_time'),
                        models.CheckConstraint(condition=models.Q(('valid_from', None), ('valid_until', None), ('valid_until__gt', models.F('valid_from')), _connector='OR'), name='differencerule_ends_after_it_begins'),
                    ],
                },
            ),
            migrations.CreateModel(
                name='DocumentRun',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('started_at', models.DateTimeField()),
                    ('finished_at', models.DateTimeField()),
                    ('counts', models.JSONField(default=dict)),
                ],
                options={
                    'ordering': ['-id'],
                    'permissions': [('run_documentrun', 'Can compare the documents now')],
                },
            ),
            migrations.CreateModel(
                name='DocumentMatch',
                fields=[
                    ('invoice', models.OneToOneField(db_constraint=False, on_delete=models.DO_NOTHING, primary_key=True, related_name='match', serialize=False, to='sync.invoice')),
                    ('version', models.CharField(max_length=64)),
                    ('state', models.CharField(choices=[('EQUAL', 'equal'), ('WITHIN', 'within tolerance'), ('BEYOND', 'beyond tolerance')], max_length=20)),
                    ('day', models.DateField()),
                    ('currency', models.CharField(max_length=3)),
                    ('theirs_gross_minor', models.BigIntegerField()),
                    ('theirs_tax_minor', models.BigIntegerField()),
                    ('ours_gross_minor', models.BigIntegerField()),
                    ('ours_tax_minor', models.BigIntegerField()),
                    ('compared_at', models.DateTimeField()),
                ],
                options={
                    'ordering': ['invoice'],
                    'indexes': [
                        models.Index(fields=['day'], name='documentmatch_day'),
                        models.Index(condition=models.Q(('state', 'BEYOND')), fields=['day', 'invoice'], name='documentmatch_beyond'),
                    ],
                },
            ),
            migrations.CreateModel(
                name='Discrepancy',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('line_key', models.CharField(blank=True, max_length=200)),
                    ('cause', models.CharField(choices=[('ROUNDING', 'rounding'), ('BASIS', 'tax basis'), ('RATE', 'tax rate'), ('MISSING_CODE', 'missing tax code'), ('MISSING_LINE', 'missing line'), ('EXTRA_LINE', 'line too many'), ('DUPLICATE', 'invoiced twice'), ('AMOUNT', 'amount'), ('TAX_BY_HAND', 'tax written by hand'), ('CURRENCY', 'currency'), ('CREDIT', 'credited otherwise')], max_length=20)),
                    ('sentence', models.TextField()),
                    ('tax_code', models.CharField(blank=True, max_length=300)),
                    ('fits', ArrayField(base_field=models.CharField(max_length=100), default=list, size=None)),
                    ('day', models.DateField()),
                    ('currency', models.CharField(max_length=3)),
                    ('gross_minor', models.BigIntegerField()),
                    ('tax_minor', models.BigIntegerField()),
                    ('theirs_gross_minor', models.BigIntegerField()),
                    ('theirs_tax_minor', models.BigIntegerField()),
                    ('ours_gross_minor', models.BigIntegerField()),
                    ('ours_tax_minor', models.BigIntegerField()),
                    ('allowed', models.BooleanField()),
                    ('found_at', models.DateTimeField()),
                    ('cleared_at', models.DateTimeField(blank=True, null=True)),
                    ('case', models.ForeignKey(null=True, on_delete=models.PROTECT, related_name='+', to='sync.exceptioncase')),
                    ('invoice', models.ForeignKey(on_delete=models.PROTECT, related_name='discrepancies', to='sync.invoice')),
                    ('seller', models.ForeignKey(null=True, on_delete=models.PROTECT, related_name='+', to='mapping.seller')),
                ],
                options={
                    'ordering': ['-day', '-id'],
                    'indexes': [
                        models.Index(fields=['-day', '-id'], name='discrepancy_day'),
                        models.Index(condition=models.Q(('allowed', False), ('cleared_at', None)), fields=['day', 'id'], name='discrepancy_beyond'),
                    ],
                    'constraints': [models.UniqueConstraint(condition=models.Q(('cleared_at', None)), fields=('invoice', 'line_key', 'cause'), name='discrepancy_one_standing')],
                },
            ),
            # What is booked on the Tax Adjustment account, and by whose word.
            migrations.CreateModel(
                name='Journal',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('key', models.CharField(max_length=200, unique=True)),
                    ('day', models.DateField()),
                    ('posting_date', models.DateField()),
                    ('currency', models.CharField(max_length=3)),
                    ('account', models.CharField(max_length=100)),
                    ('clearing_account', models.CharField(max_length=100)),
                    ('memo', models.CharField(max_length=300)),
                    ('approved_at', models.DateTimeField()),
                    ('reason', models.TextField(blank=True)),
                    ('booked_date', models.DateField(blank=True, null=True)),
                    ('booked_at', models.DateTimeField(blank=True, null=True)),
                    ('approved_by', models.ForeignKey(on_delete=models.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('posting', models.OneToOneField(null=True, on_delete=models.PROTECT, related_name='+', to='sync.outboxmessage')),
                    ('reverses', models.OneToOneField(null=True, on_delete=models.PROTECT, related_name='reversed_by', to='reconciliation.journal')),
                ],
                options={
                    'ordering': ['-id'],
                    'permissions': [('reverse_journal', 'Can take a posted journal back')],
                    'indexes': [models.Index(fields=['day'], name='journal_day')],
                },
            ),
            migrations.CreateModel(
                name='JournalLine',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('position', models.PositiveIntegerField()),
                    ('account', models.CharField(max_length=100)),
                    ('party', models.CharField(blank=True, max_length=120)),
                    ('debit', models.DecimalField(decimal_places=4, max_digits=18)),
                    ('credit', models.DecimalField(decimal_places=4, max_digits=18)),
                    ('memo', models.CharField(blank=True, max_length=300)),
                    ('journal', models.ForeignKey(on_delete=models.PROTECT, related_name='lines', to='reconciliation.journal')),
                ],
                options={
                    'ordering': ['journal', 'position'],
                    'constraints': [
                        models.UniqueConstraint(fields=('journal', 'position'), name='journalline_once'),
                        models.CheckConstraint(condition=models.Q(('credit__gte', 0), ('debit__gte', 0), models.Q(('debit', 0), ('credit', 0), _connector='OR')), name='journalline_one_side'),
                    ],
                },
            ),
            migrations.CreateModel(
                name='TaxAdjustment',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(choices=[('GROSS', 'the sum differs'), ('TAX', 'the tax differs'), ('WRITE_OFF', 'write-off')], max_length=20)),
                    ('state', models.CharField(choices=[('PREPARED', 'prepared'), ('APPROVED', 'approved'), ('REJECTED', 'rejected'), ('SUPERSEDED', 'superseded')], default='PREPARED', max_length=20)),
                    ('document', models.CharField(blank=True, max_length=120)),
                    ('day', models.DateField()),
                    ('currency', models.CharField(max_length=3)),
                    ('account', models.CharField(max_length=100)),
                    ('clearing_account', models.CharField(max_length=100)),
                    ('party', models.CharField(blank=True, max_length=120)),
                    ('tax_code', models.CharField(blank=True, max_length=100)),
                    ('amount_minor', models.BigIntegerField()),
                    ('theirs_minor', models.BigIntegerField()),
                    ('ours_minor', models.BigIntegerField()),
                    ('cause', models.CharField(blank=True, choices=[('ROUNDING', 'rounding'), ('BASIS', 'tax basis'), ('RATE', 'tax rate'), ('MISSING_CODE', 'missing tax code'), ('MISSING_LINE', 'missing line'), ('EXTRA_LINE', 'line too many'), ('DUPLICATE', 'invoiced twice'), ('AMOUNT', 'amount'), ('TAX_BY_HAND', 'tax written by hand'), ('CURRENCY', 'currency'), ('CREDIT', 'credited otherwise')], max_length=20)),
                    ('rule', models.CharField(max_length=300)),
                    ('lines', models.JSONField(default=list)),
                    ('prepared_at', models.DateTimeField()),
                    ('prepared_why', models.TextField(blank=True)),
                    ('decided_at', models.DateTimeField(blank=True, null=True)),
                    ('decided_why', models.TextField(blank=True)),
                    ('decided_by', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('invoice', models.ForeignKey(null=True, on_delete=models.PROTECT, related_name='adjustments', to='sync.invoice')),
                    ('journal', models.ForeignKey(null=True, on_delete=models.PROTECT, related_name='adjustments', to='reconciliation.journal')),
                    ('prepared_by', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('seller', models.ForeignKey(null=True, on_delete=models.PROTECT, related_name='+', to='mapping.seller')),
                ],
                options={
                    'ordering': ['-day', '-id'],
                    'permissions': [
                        ('prepare_taxadjustment', 'Can prepare a tax adjustment'),
                        ('approve_taxadjustment', 'Can approve or reject tax adjustments'),
                    ],
                    'indexes': [
                        models.Index(fields=['state', '-day', '-id'], name='taxadjustment_state'),
                        models.Index(fields=['-day', '-id'], name='taxadjustment_day'),
                    ],
                    'constraints': [
                        models.CheckConstraint(condition=models.Q(('prepared_by', None), ('decided_by', None), models.Q(('decided_by', models.F('prepared_by')), _negated=True), _connector='OR'), name='taxadjustment_maker_is_not_checker'),
                        models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['APPROVED', 'REJECTED']), _negated=True), models.Q(('decided_at__isnull', False), ('decided_by__isnull', False)), _connector='OR'), name='taxadjustment_decided_by_someone'),
                        models.CheckConstraint(condition=models.Q(models.Q(('journal__isnull', False), ('state', 'APPROVED')), models.Q(models.Q(('state', 'APPROVED'), _negated=True), ('journal', None)), _connector='OR'), name='taxadjustment_approved_has_journal'),
                        models.CheckConstraint(condition=models.Q(models.Q(('state', 'REJECTED'), _negated=True), models.Q(('decided_why', ''), _negated=True), _connector='OR'), name='taxadjustment_rejected_says_why'),
                        models.CheckConstraint(condition=models.Q(('amount_minor', 0), _negated=True), name='taxadjustment_books_something'),
                        models.UniqueConstraint(condition=models.Q(('state', 'PREPARED')), fields=('invoice', 'kind', 'tax_code', 'account'), name='taxadjustment_one_prepared'),
                    ],
                },
            ),
            # The close: what each day amounts to, who signed which fact, and what was packed as evidence.
            migrations.CreateModel(
                name='CompletenessStatement',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('day', models.DateField()),
                    ('seller_key', models.CharField(blank=True, max_length=120)),
                    ('currency', models.CharField(max_length=3)),
                    ('orders', models.PositiveIntegerField(default=0)),
                    ('orders_minor', models.BigIntegerField(default=0)),
                    ('booked', models.PositiveIntegerField(default=0)),
                    ('booked_minor', models.BigIntegerField(default=0)),
                    ('accepted', models.PositiveIntegerField(default=0)),
                    ('accepted_minor', models.BigIntegerField(default=0)),
                    ('moving', models.PositiveIntegerField(default=0)),
                    ('moving_minor', models.BigIntegerField(default=0)),
                    ('parked', models.PositiveIntegerField(default=0)),
                    ('parked_minor', models.BigIntegerField(default=0)),
                    ('unpaid', models.PositiveIntegerField(default=0)),
                    ('unpaid_minor', models.BigIntegerField(default=0)),
                    ('cancelled', models.PositiveIntegerField(default=0)),
                    ('cancelled_minor', models.BigIntegerField(default=0)),
                    ('historic', models.PositiveIntegerField(default=0)),
                    ('historic_minor', models.BigIntegerField(default=0)),
                    ('gaps', models.PositiveIntegerField(default=0)),
                    ('gaps_minor', models.BigIntegerField(default=0)),
                    ('asked_at', models.DateTimeField()),
                    ('seller', models.ForeignKey(null=True, on_delete=models.PROTECT, related_name='+', to='mapping.seller')),
                ],
                options={
                    'ordering': ['-day', 'seller_key'],
                    'indexes': [models.Index(fields=['-day', '-id'], name='completeness_day')],
                    'constraints': [
                        models.UniqueConstraint(fields=('day', 'seller_key', 'currency'), name='completeness_once'),
                        models.CheckConstraint(condition=models.Q(('orders', models.F('booked') + models.F('accepted') + models.F('moving') + models.F('parked') + models.F('unpaid') + models.F('cancelled') + models.F('historic') + models.F('gaps'))), name='completeness_adds_up'),
                    ],
                },
            ),
            migrations.CreateModel(
                name='CloseStep',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('fact', models.CharField(max_length=40, unique=True)),
                    ('due_after_days', models.PositiveIntegerField(default=5)),
                    ('owner', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ['fact'],
                    'permissions': [('assign_closestep', 'Can say who answers for a step')],
                },
            ),
            migrations.CreateModel(
                name='CloseSignOff',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('fact', models.CharField(max_length=40)),
                    ('said', models.TextField()),
                    ('signed_at', models.DateTimeField()),
                    ('suspended_at', models.DateTimeField(blank=True, null=True)),
                    ('suspended_because', models.TextField(blank=True)),
                    ('period', models.ForeignKey(on_delete=models.PROTECT, related_name='sign_offs', to='core.accountingperiod')),
                    ('signed_by', models.ForeignKey(on_delete=models.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ['-id'],
                    'permissions': [('sign_closesignoff', 'Can sign a step of the close')],
                    'constraints': [
                        models.UniqueConstraint(condition=models.Q(('suspended_at', None)), fields=('period', 'fact'), name='signoff_one_in_force'),
                        models.CheckConstraint(condition=models.Q(('suspended_at', None), models.Q(('suspended_because', ''), _negated=True), _connector='OR'), name='signoff_suspended_says_why'),
                    ],
                },
            ),
            migrations.CreateModel(
                name='EvidencePack',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('manifest_sha256', models.CharField(max_length=64)),
                    ('files', models.PositiveIntegerField()),
                    ('made_at', models.DateTimeField()),
                    ('made_by', models.ForeignKey(on_delete=models.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('period', models.ForeignKey(on_delete=models.PROTECT, related_name='packs', to='core.accountingperiod')),
                ],
                options={
                    'ordering': ['-id'],
                    'permissions': [('make_evidencepack', 'Can download the evidence of a period')],
                },
            ),
        ]),
        migrations.RunSQL(REFUSE, ALLOW),
    ]
