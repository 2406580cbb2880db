# Entries in whole minor units, like everything they are made from. None has been written yet.

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):

    dependencies = [
        ('reconciliation', '0003_uploads'),
    ]

    operations = [
        migrations.RemoveConstraint('settlemententry', 'settlemententry_balances'),
        migrations.RemoveField('settlemententry', 'debit'),
        migrations.RemoveField('settlemententry', 'credit'),
        migrations.RemoveField('settlemententry', 'gateway_line'),
        migrations.AddField('settlemententry', 'debit_minor', models.BigIntegerField(default=0), preserve_default=False),
        migrations.AddField('settlemententry', 'credit_minor', models.BigIntegerField(default=0), preserve_default=False),
        migrations.AddConstraint(
            'settlemententry',
            models.CheckConstraint(
                name='settlemententry_balances',
                condition=Q(debit_minor=F('credit_minor')) & Q(debit_minor__gte=0),
            ),
        ),
        migrations.AlterField(
            'settlemententry',
            'event',
            models.CharField(choices=[('SALE', 'sale booked'), ('REFUND', 'refund booked'), ('ADVICE', 'advice issued'), ('PAID', 'advice paid'), ('MONEY', "customers' money arrived")], max_length=20),
        ),
        migrations.AddField(
            'gatewayline',
            'entry',
            models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='gateway_lines', to='reconciliation.settlemententry'),
        ),
    ]
