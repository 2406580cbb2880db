"""The tables of the foundation: people, the audit trail, the calendar of the books, and the cache."""

from django.conf import settings
from django.contrib.auth.models import UserManager
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.contrib.postgres.constraints import ExclusionConstraint
from django.db import migrations, models
from django.utils import timezone

from mkterp.core.migrating import CreateModels
from mkterp.core.models import ClosedDateRange

# The audit trail and the chain of hashes over it are only ever added to; the database itself refuses
# anything else.
APPEND_ONLY = """
CREATE FUNCTION core_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE TRIGGER core_auditentry_append_only
    BEFORE UPDATE OR DELETE ON core_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION core_refuse_change();
CREATE TRIGGER core_auditseal_append_only
    BEFORE UPDATE OR DELETE ON core_auditseal
    FOR EACH STATEMENT EXECUTE FUNCTION core_refuse_change();
"""
CHANGEABLE = """
DROP TRIGGER core_auditseal_append_only ON core_auditseal;
DROP TRIGGER core_auditentry_append_only ON core_auditentry;
DROP FUNCTION core_refuse_change();
"""

# The table of Django's database cache (what `createcachetable` makes), as a migration, so that
# there is no second command to forget. Its rows may be lost at any time: unlogged.
CACHE = """
CREATE UNLOGGED TABLE core_cache (
    cache_key varchar(255) PRIMARY KEY,
    value text NOT NULL,
    expires timestamptz NOT NULL
);
CREATE INDEX core_cache_expires ON core_cache (expires);
"""


class Migration(migrations.Migration):

    # A database in which all of these were applied counts as migrated. One that has only some of them
    # goes no further: bring it to the last with the release that still holds them, or make it anew.
    replaces = [
        ('core', '0001_initial'),
        ('core', '0002_append_only_audit'),
        ('core', '0003_audit_seals'),
        ('core', '0004_checks'),
        ('core', '0005_books'),
        ('core', '0006_cache'),
        ('core', '0007_api_tokens'),
        ('core', '0008_kept_views'),
        ('core', '0009_practice'),
    ]

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        CreateModels([
            migrations.CreateModel(
                name='User',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('password', models.CharField(max_length=128, verbose_name='password')),
                    ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                    ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                    ('username', models.CharField(error_messages={'unique': 'A user with that username already exists.'}, help_text='Required. 150 characters or fewer. Letters, digits and @/./+/-/_ only.', max_length=150, unique=True, validators=[UnicodeUsernameValidator()], verbose_name='username')),
                    ('first_name', models.CharField(blank=True, max_length=150, verbose_name='first name')),
                    ('last_name', models.CharField(blank=True, max_length=150, verbose_name='last name')),
                    ('email', models.EmailField(blank=True, max_length=254, verbose_name='email address')),
                    ('is_staff', models.BooleanField(default=False, help_text='Designates whether the user can log into this admin site.', verbose_name='staff status')),
                    ('is_active', models.BooleanField(default=True, help_text='Designates whether this user should be treated as active. Unselect this instead of deleting accounts.', verbose_name='active')),
                    ('date_joined', models.DateTimeField(default=timezone.now, verbose_name='date joined')),
                    ('time_zone', models.CharField(blank=True, max_length=64)),
                    ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                    ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
                ],
                options={
                    'verbose_name': 'user',
                    'verbose_name_plural': 'users',
                    'abstract': False,
                },
                managers=[
                    ('objects', UserManager()),
                ],
            ),
            migrations.CreateModel(
                name='AuditEntry',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('at', models.DateTimeField()),
                    ('action', models.CharField(max_length=80)),
                    ('subject', models.CharField(max_length=80)),
                    ('before', models.JSONField(null=True)),
                    ('after', models.JSONField(null=True)),
                    ('reason', models.TextField(blank=True)),
                    ('by', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ['-id'],
                    'indexes': [models.Index(fields=['subject', '-id'], name='audit_subject')],
                },
            ),
            migrations.CreateModel(
                name='AuditSeal',
                fields=[
                    ('position', models.BigIntegerField(primary_key=True, serialize=False)),
                    ('hash', models.CharField(max_length=64)),
                    ('entry', models.OneToOneField(on_delete=models.PROTECT, related_name='seal', to='core.auditentry')),
                ],
                options={
                    'ordering': ['position'],
                },
            ),
            migrations.CreateModel(
                name='Heartbeat',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(max_length=120, unique=True)),
                    ('beat_at', models.DateTimeField()),
                    ('detail', models.JSONField(default=dict)),
                ],
            ),
            migrations.CreateModel(
                name='CheckDone',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('rhythm', models.CharField(max_length=20)),
                    ('begins', models.DateField()),
                    ('key', models.CharField(max_length=16)),
                    ('page', models.CharField(max_length=120)),
                    ('text', models.TextField()),
                    ('at', models.DateTimeField()),
                    ('by', models.ForeignKey(on_delete=models.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ['-begins', 'id'],
                    'permissions': [('tick_check', 'Can tick the checks of the handbook')],
                    'constraints': [models.UniqueConstraint(fields=('rhythm', 'begins', 'key'), name='check_once_a_span')],
                },
            ),
            migrations.CreateModel(
                name='PracticeBegun',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('exercise', models.CharField(max_length=40)),
                    ('begun_at', models.DateTimeField()),
                    ('person', models.ForeignKey(on_delete=models.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ['person', 'exercise'],
                    'constraints': [models.UniqueConstraint(fields=('person', 'exercise'), name='practice_once')],
                },
            ),
            migrations.CreateModel(
                name='AccountingPeriod',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(max_length=60, unique=True)),
                    ('start', models.DateField(unique=True)),
                    ('end', models.DateField()),
                    ('state', models.CharField(choices=[('OPEN', 'open'), ('CLOSING', 'being closed'), ('CLOSED', 'closed')], default='OPEN', max_length=20)),
                    ('due_date', models.DateField()),
                    ('closed_at', models.DateTimeField(blank=True, null=True)),
                    ('reopened_at', models.DateTimeField(blank=True, null=True)),
                    ('reopened_why', models.TextField(blank=True)),
                    ('closed_by', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, related_name='periods_closed', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ['-start'],
                    'permissions': [
                        ('close_accountingperiod', 'Can close a period'),
                        ('reopen_accountingperiod', 'Can reopen a closed period'),
                    ],
                    'constraints': [
                        models.CheckConstraint(condition=models.Q(('end__gte', models.F('start'))), name='period_ends_after_it_begins'),
                        ExclusionConstraint(expressions=[(ClosedDateRange('start', 'end', models.Value('[]')), '&&')], name='period_no_overlap'),
                        models.CheckConstraint(condition=models.Q(models.Q(('state', 'CLOSED'), _negated=True), models.Q(('closed_at__isnull', False), ('closed_by__isnull', False)), _connector='OR'), name='period_closed_by_someone'),
                    ],
                },
            ),
            migrations.CreateModel(
                name='ApiToken',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(max_length=100)),
                    ('digest', models.CharField(max_length=64, unique=True)),
                    ('may_act', models.BooleanField(default=False)),
                    ('made_at', models.DateTimeField()),
                    ('expires_at', models.DateTimeField()),
                    ('used_at', models.DateTimeField(blank=True, null=True)),
                    ('revoked_at', models.DateTimeField(blank=True, null=True)),
                    ('person', models.ForeignKey(on_delete=models.PROTECT, related_name='api_tokens', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ['-id'],
                },
            ),
            migrations.CreateModel(
                name='KeptView',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('list', models.CharField(max_length=80)),
                    ('name', models.CharField(max_length=40)),
                    ('query', models.CharField(max_length=2000)),
                    ('kept_at', models.DateTimeField()),
                    ('person', models.ForeignKey(on_delete=models.CASCADE, related_name='kept_views', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ['list', 'name'],
                    'constraints': [models.UniqueConstraint(fields=('person', 'list', 'name'), name='keptview_once')],
                },
            ),
        ]),
        migrations.RunSQL(APPEND_ONLY, CHANGEABLE),
        migrations.RunSQL(CACHE, "DROP TABLE core_cache"),
    ]
