"""A chain of hashes over the audit trail; the database refuses to change a link."""

import django.db.models.deletion
from django.db import migrations, models

REFUSE = """
CREATE TRIGGER core_auditseal_append_only
    BEFORE UPDATE OR DELETE ON core_auditseal
    FOR EACH STATEMENT EXECUTE FUNCTION core_refuse_change();
"""
ALLOW = "DROP TRIGGER core_auditseal_append_only ON core_auditseal;"


class Migration(migrations.Migration):
    dependencies = [("core", "0002_append_only_audit")]
    operations = [
        migrations.CreateModel(
            name="AuditSeal",
            fields=[
                ("position", models.BigIntegerField(primary_key=True, serialize=False)),
                ("hash", models.CharField(max_length=64)),
                (
                    "entry",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="seal",
                        to="core.auditentry",
                    ),
                ),
            ],
            options={"ordering": ["position"]},
        ),
        migrations.RunSQL(REFUSE, ALLOW),
    ]
