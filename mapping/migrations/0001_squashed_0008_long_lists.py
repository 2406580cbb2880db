"""The tables that say which listing is which item, and what holds for its seller."""

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.operations import BtreeGistExtension, TrigramExtension
from django.db import migrations, models
from django.db.models.functions import Coalesce, Upper

from mapping.models.dated import TstzRange
from mkterp.core.migrating import CreateModels

# What people decided is only ever added to, like the audit trail.
APPEND_ONLY = """
CREATE TRIGGER mapping_decision_append_only
    BEFORE UPDATE OR DELETE ON mapping_decision
    FOR EACH STATEMENT EXECUTE FUNCTION core_refuse_change();
"""


class Migration(migrations.Migration):

    # A database in which all of these were applied counts as migrated. One that has only some of them
    # goes no further: bring it to the last with the release that still holds them, or make it anew.
    replaces = [
        ('mapping', '0001_initial'),
        ('mapping', '0002_suggestions_ownership_accounts'),
        ('mapping', '0003_suggestion_decides'),
        ('mapping', '0004_compared_and_checked'),
        ('mapping', '0005_shipping_tax_policy'),
        ('mapping', '0006_find_by_code'),
        ('mapping', '0007_items_compared'),
        ('mapping', '0008_long_lists'),
    ]

    dependencies = [
        ('core', '0001_squashed_0009_practice'),
    ]

    operations = [
        BtreeGistExtension(),  # exclusion constraints over a key and a span of time
        TrigramExtension(),  # search and suggestions over the item master
        CreateModels([
            # Sellers, and what people say of each: whose stock, whose dispatch, whose sale. All dated.
            migrations.CreateModel(
                name='Seller',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('marketplacer_id', models.CharField(max_length=120, unique=True)),
                    ('legacy_id', models.BigIntegerField(blank=True, null=True)),
                    ('business_name', models.CharField(max_length=300)),
                    ('deleted', models.BooleanField(default=False)),
                    ('seen_at', models.DateTimeField()),
                    ('dispatch_country', models.CharField(blank=True, max_length=2)),
                ],
                options={
                    'ordering': ['business_name', 'id'],
                },
            ),
            migrations.CreateModel(
                name='OwnershipRule',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('valid_from', models.DateTimeField(blank=True, null=True)),
                    ('valid_until', models.DateTimeField(blank=True, null=True)),
                    ('reason', models.TextField()),
                    ('set_at', models.DateTimeField()),
                    ('owner', models.CharField(choices=[('operator', 'operator'), ('seller', 'seller'), ('mixed', 'mixed, by rule')], max_length=20)),
                    ('set_by', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, to=settings.AUTH_USER_MODEL)),
                    ('seller', models.ForeignKey(on_delete=models.PROTECT, to='mapping.seller')),
                ],
                options={
                    'abstract': False,
                    'constraints': [ExclusionConstraint(expressions=[('seller', '='), (TstzRange(models.F('valid_from'), models.F('valid_until')), '&&')], name='ownershiprule_one_at_a_time')],
                },
            ),
            migrations.CreateModel(
                name='OwnershipDefault',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('owner', models.CharField(choices=[('operator', 'operator'), ('seller', 'seller'), ('mixed', 'mixed, by rule')], max_length=20)),
                    ('valid_from', models.DateTimeField(blank=True, null=True)),
                    ('valid_until', models.DateTimeField(blank=True, null=True)),
                    ('reason', models.TextField()),
                    ('set_at', models.DateTimeField()),
                    ('set_by', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ['-id'],
                    'constraints': [ExclusionConstraint(expressions=[(TstzRange(models.F('valid_from'), models.F('valid_until')), '&&')], name='ownershipdefault_one_at_a_time')],
                },
            ),
            migrations.CreateModel(
                name='ListingOwnership',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('scope', models.CharField(choices=[('listing', 'a listing'), ('brand', 'a brand'), ('sku_prefix', 'SKUs that begin with')], max_length=20)),
                    ('value', models.CharField(blank=True, max_length=200)),
                    ('owner', models.CharField(choices=[('operator', 'operator'), ('seller', 'seller')], max_length=20)),
                    ('valid_from', models.DateTimeField(blank=True, null=True)),
                    ('valid_until', models.DateTimeField(blank=True, null=True)),
                    ('reason', models.TextField()),
                    ('set_at', models.DateTimeField()),
                    ('listing', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, related_name='ownerships', to='mapping.listing')),
                    ('seller', models.ForeignKey(on_delete=models.PROTECT, related_name='listing_ownerships', to='mapping.seller')),
                    ('set_by', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ['-id'],
                    'constraints': [
                        ExclusionConstraint(expressions=[('seller', '='), ('scope', '='), (Coalesce(models.F('listing'), 0), '='), (Upper(models.F('value')), '='), (TstzRange(models.F('valid_from'), models.F('valid_until')), '&&')], name='listingownership_one_at_a_time'),
                        models.CheckConstraint(condition=models.Q(models.Q(('listing__isnull', False), ('scope', 'listing'), ('value', '')), models.Q(('listing', None), ('scope__in', ['brand', 'sku_prefix']), models.Q(('value', ''), _negated=True)), _connector='OR'), name='listingownership_names_its_scope'),
                    ],
                },
            ),
            migrations.CreateModel(
                name='FulfilmentRule',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('valid_from', models.DateTimeField(blank=True, null=True)),
                    ('valid_until', models.DateTimeField(blank=True, null=True)),
                    ('reason', models.TextField()),
                    ('set_at', models.DateTimeField()),
                    ('fulfilled_by', models.CharField(choices=[('operator', 'operator'), ('seller', 'seller')], max_length=20)),
                    ('set_by', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, to=settings.AUTH_USER_MODEL)),
                    ('seller', models.ForeignKey(on_delete=models.PROTECT, to='mapping.seller')),
                ],
                options={
                    'abstract': False,
                    'constraints': [ExclusionConstraint(expressions=[('seller', '='), (TstzRange(models.F('valid_from'), models.F('valid_until')), '&&')], name='fulfilmentrule_one_at_a_time')],
                },
            ),
            migrations.CreateModel(
                name='SellerTreatment',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('valid_from', models.DateTimeField(blank=True, null=True)),
                    ('valid_until', models.DateTimeField(blank=True, null=True)),
                    ('reason', models.TextField()),
                    ('set_at', models.DateTimeField()),
                    ('treatment', models.CharField(choices=[('principal', 'principal'), ('agent', 'agent')], max_length=20)),
                    ('seller', models.ForeignKey(on_delete=models.PROTECT, to='mapping.seller')),
                    ('set_by', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'abstract': False,
                    'constraints': [ExclusionConstraint(expressions=[('seller', '='), (TstzRange(models.F('valid_from'), models.F('valid_until')), '&&')], name='sellertreatment_one_at_a_time')],
                },
            ),
            migrations.CreateModel(
                name='SellerSettings',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('auto_map', models.BooleanField(default=False)),
                    ('reason', models.TextField(blank=True)),
                    ('changed_at', models.DateTimeField(blank=True, null=True)),
                    ('changed_by', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('seller', models.OneToOneField(on_delete=models.PROTECT, related_name='settings', to='mapping.seller')),
                ],
                options={
                    'ordering': ['seller'],
                    'permissions': [('switch_auto_map', 'Can switch automatic mapping on and off')],
                },
            ),
            # The mirrors of what is sold: Marketplacer's listings, the ERP's items.
            migrations.CreateModel(
                name='Listing',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('marketplacer_id', models.CharField(max_length=120, unique=True)),
                    ('legacy_id', models.BigIntegerField(blank=True, null=True)),
                    ('advert_id', models.CharField(blank=True, max_length=120)),
                    ('sku', models.CharField(blank=True, max_length=200)),
                    ('barcode', models.CharField(blank=True, max_length=100)),
                    ('title', models.TextField(blank=True)),
                    ('brand', models.CharField(blank=True, max_length=200)),
                    ('label', models.CharField(blank=True, max_length=300)),
                    ('price', models.DecimalField(blank=True, decimal_places=4, max_digits=18, null=True)),
                    ('count_on_hand', models.IntegerField(blank=True, null=True)),
                    ('published', models.BooleanField(default=True)),
                    ('deleted', models.BooleanField(default=False)),
                    ('changed_at', models.DateTimeField(blank=True, null=True)),
                    ('seen_at', models.DateTimeField()),
                    ('seller', models.ForeignKey(on_delete=models.PROTECT, related_name='listings', to='mapping.seller')),
                    ('facts_at', models.DateTimeField(blank=True, null=True)),
                ],
                options={
                    'ordering': ['id'],
                    'indexes': [
                        models.Index(fields=['seller', 'sku'], name='listing_seller_sku'),
                        models.Index(fields=['sku'], name='listing_sku'),
                        models.Index(fields=['seller', 'barcode'], name='listing_seller_barcode'),
                        models.Index(fields=['facts_at'], name='listing_facts_at'),
                        models.Index(fields=['seen_at'], name='listing_seen_at'),
                        models.Index(OpClass('sku', 'varchar_pattern_ops'), name='listing_sku_begins'),
                        models.Index(fields=['barcode'], name='listing_barcode'),
                    ],
                },
            ),
            migrations.CreateModel(
                name='ErpItem',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('erp_ref', models.CharField(max_length=120, unique=True)),
                    ('sku', models.CharField(max_length=200)),
                    ('name', models.TextField()),
                    ('parent_ref', models.CharField(blank=True, max_length=120)),
                    ('barcodes', ArrayField(base_field=models.CharField(max_length=100), default=list, size=None)),
                    ('price', models.DecimalField(blank=True, decimal_places=4, max_digits=18, null=True)),
                    ('currency', models.CharField(blank=True, max_length=3)),
                    ('options', models.JSONField(default=dict)),
                    ('active', models.BooleanField(default=True)),
                    ('changed_at', models.DateTimeField(blank=True, null=True)),
                    ('seen_at', models.DateTimeField()),
                    ('search_text', models.TextField(default='')),
                    ('facts_at', models.DateTimeField(blank=True, null=True)),
                    ('compared_at', models.DateTimeField(blank=True, null=True)),
                ],
                options={
                    'ordering': ['sku', 'id'],
                    'indexes': [
                        models.Index(fields=['sku'], name='erpitem_sku'),
                        GinIndex(fields=['barcodes'], name='erpitem_barcodes'),
                        GinIndex(fields=['search_text'], name='erpitem_search_trgm', opclasses=['gin_trgm_ops']),
                        models.Index(fields=['facts_at'], name='erpitem_facts_at'),
                        models.Index(OpClass('sku', 'varchar_pattern_ops'), name='erpitem_sku_begins'),
                        models.Index(condition=models.Q(('active', True), models.Q(('compared_at', None), ('facts_at__gt', models.F('compared_at')), _connector='OR')), fields=['id'], name='erpitem_to_compare'),
                    ],
                },
            ),
            # Which listing is which item.
            migrations.CreateModel(
                name='SkuMapping',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('state', models.CharField(choices=[('PROPOSED', 'proposed'), ('CONFIRMED', 'confirmed'), ('RETIRED', 'retired')], max_length=20)),
                    ('source', models.CharField(choices=[('PERSON', 'a person'), ('IMPORT', 'an import'), ('AUTO', 'the strict rule'), ('CARRIED', 'carried over')], max_length=20)),
                    ('pack_quantity', models.PositiveIntegerField(default=1)),
                    ('valid_from', models.DateTimeField(blank=True, null=True)),
                    ('valid_until', models.DateTimeField(blank=True, null=True)),
                    ('reason', models.TextField(blank=True)),
                    ('made_at', models.DateTimeField()),
                    ('item', models.ForeignKey(on_delete=models.PROTECT, related_name='mappings', to='mapping.erpitem')),
                    ('listing', models.ForeignKey(on_delete=models.PROTECT, related_name='mappings', to='mapping.listing')),
                    ('made_by', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('compared', models.JSONField(default=dict)),
                    ('retire_reason', models.TextField(blank=True)),
                    ('retired_at', models.DateTimeField(blank=True, null=True)),
                    ('retired_by', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('review_due', models.BooleanField(default=False)),
                    ('reviewed_at', models.DateTimeField(blank=True, null=True)),
                    ('reviewed_by', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('compared_at', models.DateTimeField(blank=True, null=True)),
                ],
                options={
                    'ordering': ['-id'],
                    'permissions': [
                        ('confirm_skumapping', 'Can confirm a mapping'),
                        ('retire_skumapping', 'Can retire a mapping'),
                    ],
                    'indexes': [
                        models.Index(fields=['-made_at', '-id'], name='skumapping_made'),
                        models.Index(condition=models.Q(('review_due', True)), fields=['-made_at', '-id'], name='skumapping_review'),
                    ],
                    'constraints': [
                        ExclusionConstraint(condition=models.Q(('state__in', ['CONFIRMED', 'RETIRED'])), expressions=[('listing', '='), (TstzRange(models.F('valid_from'), models.F('valid_until')), '&&')], name='skumapping_one_item_at_a_time'),
                        models.CheckConstraint(condition=models.Q(('pack_quantity__gte', 1)), name='skumapping_pack_is_positive'),
                    ],
                },
            ),
            # What a marketplace's tax and a ledger's role are called in the ERP.
            migrations.CreateModel(
                name='TaxCodeMapping',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('country', models.CharField(max_length=2)),
                    ('marketplace_rate', models.DecimalField(decimal_places=4, max_digits=7)),
                    ('erp_code', models.CharField(max_length=100)),
                    ('erp_rate', models.DecimalField(decimal_places=4, max_digits=7)),
                    ('valid_from', models.DateTimeField(blank=True, null=True)),
                    ('valid_until', models.DateTimeField(blank=True, null=True)),
                    ('reason', models.TextField(blank=True)),
                    ('set_at', models.DateTimeField()),
                    ('set_by', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, to=settings.AUTH_USER_MODEL)),
                    ('exemption', models.CharField(blank=True, max_length=60)),
                    ('item_class', models.CharField(blank=True, max_length=60)),
                    ('origin', models.CharField(blank=True, max_length=2)),
                    ('region', models.CharField(blank=True, max_length=10)),
                ],
                options={
                    'ordering': ['country', 'marketplace_rate', 'id'],
                    'constraints': [ExclusionConstraint(expressions=[('country', '='), ('marketplace_rate', '='), ('region', '='), ('origin', '='), ('item_class', '='), ('exemption', '='), (TstzRange(models.F('valid_from'), models.F('valid_until')), '&&')], name='taxcodemapping_one_at_a_time')],
                },
            ),
            migrations.CreateModel(
                name='AccountMapping',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('event', models.CharField(blank=True, max_length=60)),
                    ('role', models.CharField(max_length=60)),
                    ('erp_account', models.CharField(max_length=100)),
                    ('valid_from', models.DateTimeField(blank=True, null=True)),
                    ('valid_until', models.DateTimeField(blank=True, null=True)),
                    ('reason', models.TextField(blank=True)),
                    ('set_at', models.DateTimeField()),
                    ('set_by', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ['role', 'event', 'id'],
                    'constraints': [ExclusionConstraint(expressions=[('event', '='), ('role', '='), (TstzRange(models.F('valid_from'), models.F('valid_until')), '&&')], name='accountmapping_one_at_a_time')],
                },
            ),
            migrations.CreateModel(
                name='ShippingTaxPolicy',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('country', models.CharField(max_length=2)),
                    ('rule', models.CharField(choices=[('as_charged', 'as the marketplace charged it'), ('follows_goods', 'at the rates of its goods'), ('flat', 'at one rate')], max_length=20)),
                    ('spread', models.CharField(choices=[('as_charged', 'as the marketplace put it on the lines'), ('value', 'by value'), ('quantity', 'by quantity')], default='as_charged', max_length=20)),
                    ('flat_rate', models.DecimalField(blank=True, decimal_places=4, max_digits=7, null=True)),
                    ('bound_minor', models.PositiveIntegerField(default=25)),
                    ('valid_from', models.DateTimeField(blank=True, null=True)),
                    ('valid_until', models.DateTimeField(blank=True, null=True)),
                    ('reason', models.TextField()),
                    ('set_at', models.DateTimeField()),
                    ('set_by', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ['country', 'id'],
                    'constraints': [
                        ExclusionConstraint(expressions=[('country', '='), (TstzRange(models.F('valid_from'), models.F('valid_until')), '&&')], name='shippingtaxpolicy_one_at_a_time'),
                        models.CheckConstraint(condition=models.Q(models.Q(('flat_rate__isnull', False), ('rule', 'flat')), models.Q(models.Q(('rule', 'flat'), _negated=True), ('flat_rate__isnull', True)), _connector='OR'), name='shippingtaxpolicy_flat_has_a_rate'),
                        models.CheckConstraint(condition=models.Q(('bound_minor__lte', 1000)), name='shippingtaxpolicy_bound'),
                    ],
                },
            ),
            # What the suggestions said, what people decided, and what was learnt from it.
            migrations.CreateModel(
                name='SuggestionModel',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('version', models.CharField(max_length=80, unique=True)),
                    ('state', models.CharField(choices=[('IN_FORCE', 'in force'), ('REPLACED', 'replaced'), ('ROLLED_BACK', 'rolled back'), ('WORSE', 'not better, never used')], max_length=20)),
                    ('body', models.BinaryField()),
                    ('data_hash', models.CharField(blank=True, max_length=64)),
                    ('decisions', models.PositiveIntegerField(default=0)),
                    ('metrics', models.JSONField(default=dict)),
                    ('reason', models.TextField(blank=True)),
                    ('made_at', models.DateTimeField()),
                    ('changed_at', models.DateTimeField(blank=True, null=True)),
                    ('changed_by', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ['-id'],
                    'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'IN_FORCE')), fields=('state',), name='suggestionmodel_one_in_force')],
                },
            ),
            migrations.CreateModel(
                name='StoredSuggestion',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('verdict', models.CharField(choices=[('suggest', 'a likely item'), ('ambiguous', 'several alike'), ('none_likely', 'no item likely')], max_length=20)),
                    ('candidates', models.JSONField(default=list)),
                    ('confidence', models.FloatField(default=0)),
                    ('auto', models.BooleanField(default=False)),
                    ('model_version', models.CharField(max_length=80)),
                    ('computed_at', models.DateTimeField()),
                    ('items_at', models.DateTimeField()),
                    ('item', models.ForeignKey(blank=True, null=True, on_delete=models.SET_NULL, related_name='suggested_for', to='mapping.erpitem')),
                    ('listing', models.OneToOneField(on_delete=models.CASCADE, related_name='suggestion', to='mapping.listing')),
                    ('decides', models.CharField(blank=True, max_length=100)),
                ],
                options={
                    'ordering': ['listing'],
                    'indexes': [
                        models.Index(fields=['-confidence', 'listing'], name='suggestion_confidence'),
                        models.Index(fields=['items_at'], name='suggestion_items_at'),
                        models.Index(condition=models.Q(('auto', True)), fields=['listing'], name='suggestion_auto'),
                    ],
                },
            ),
            migrations.CreateModel(
                name='Decision',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('choice', models.CharField(choices=[('APPROVED', 'approved'), ('OTHER', 'chose another'), ('REJECTED', 'rejected'), ('NONE', 'no such item'), ('SKIPPED', 'later'), ('UNDONE', 'undone'), ('RETIRED', 'turned out wrong')], max_length=20)),
                    ('variant', models.JSONField()),
                    ('shown', models.JSONField()),
                    ('model_version', models.CharField(blank=True, max_length=80)),
                    ('blind', models.BooleanField(default=False)),
                    ('bulk', models.BooleanField(default=False)),
                    ('at', models.DateTimeField()),
                    ('by', models.ForeignKey(null=True, on_delete=models.PROTECT, related_name='decisions', to=settings.AUTH_USER_MODEL)),
                    ('item', models.ForeignKey(null=True, on_delete=models.PROTECT, related_name='+', to='mapping.erpitem')),
                    ('listing', models.ForeignKey(on_delete=models.PROTECT, related_name='decisions', to='mapping.listing')),
                    ('mapping', models.ForeignKey(null=True, on_delete=models.PROTECT, related_name='+', to='mapping.skumapping')),
                    ('undoes', models.ForeignKey(null=True, on_delete=models.PROTECT, related_name='+', to='mapping.decision')),
                ],
                options={
                    'ordering': ['-id'],
                    'permissions': [('roll_back_suggestionmodel', 'Can roll the suggestions back')],
                    'indexes': [models.Index(fields=['listing', '-id'], name='decision_listing')],
                },
            ),
            migrations.CreateModel(
                name='RejectedPair',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('at', models.DateTimeField()),
                    ('by', models.ForeignKey(null=True, on_delete=models.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('item', models.ForeignKey(on_delete=models.CASCADE, related_name='+', to='mapping.erpitem')),
                    ('listing', models.ForeignKey(on_delete=models.CASCADE, related_name='rejections', to='mapping.listing')),
                ],
                options={
                    'ordering': ['id'],
                    'constraints': [models.UniqueConstraint(fields=('listing', 'item'), name='rejectedpair_once')],
                },
            ),
            migrations.CreateModel(
                name='DuplicatePair',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('group', models.BigIntegerField(default=0)),
                    ('state', models.CharField(choices=[('OPEN', 'to be looked at'), ('DUPLICATE', 'one product twice'), ('DIFFERENT', 'different products'), ('GONE', 'no longer alike')], default='OPEN', max_length=20)),
                    ('score', models.FloatField(default=0)),
                    ('evidence', models.JSONField(default=list)),
                    ('model_version', models.CharField(blank=True, max_length=80)),
                    ('found_at', models.DateTimeField()),
                    ('reason', models.TextField(blank=True)),
                    ('decided_at', models.DateTimeField(blank=True, null=True)),
                    ('decided_by', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('keep', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, related_name='+', to='mapping.erpitem')),
                    ('left', models.ForeignKey(on_delete=models.CASCADE, related_name='+', to='mapping.erpitem')),
                    ('right', models.ForeignKey(on_delete=models.CASCADE, related_name='+', to='mapping.erpitem')),
                ],
                options={
                    'ordering': ['-id'],
                    'indexes': [models.Index(fields=['state', 'group'], name='duplicatepair_group')],
                    'constraints': [
                        models.UniqueConstraint(fields=('left', 'right'), name='duplicatepair_once'),
                        models.CheckConstraint(condition=models.Q(('left__lt', models.F('right'))), name='duplicatepair_in_order'),
                        models.CheckConstraint(condition=models.Q(('keep', None), ('keep', models.F('left')), ('keep', models.F('right')), _connector='OR'), name='duplicatepair_keeps_one_of_the_two'),
                    ],
                },
            ),
            migrations.CreateModel(
                name='NewItemRequest',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('state', models.CharField(choices=[('OPEN', 'to be sent'), ('SENT', 'sent'), ('MADE', 'made'), ('WITHDRAWN', 'withdrawn')], default='OPEN', max_length=20)),
                    ('note', models.TextField(blank=True)),
                    ('asked_at', models.DateTimeField()),
                    ('sent_at', models.DateTimeField(blank=True, null=True)),
                    ('closed_at', models.DateTimeField(blank=True, null=True)),
                    ('asked_by', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('item', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, related_name='+', to='mapping.erpitem')),
                    ('listing', models.ForeignKey(on_delete=models.PROTECT, related_name='item_requests', to='mapping.listing')),
                ],
                options={
                    'ordering': ['-id'],
                    'constraints': [models.UniqueConstraint(condition=models.Q(('state__in', ['OPEN', 'SENT'])), fields=('listing',), name='newitemrequest_one_open')],
                },
            ),
            migrations.CreateModel(
                name='Synonym',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(choices=[('colour', 'colour'), ('brand', 'brand')], max_length=20)),
                    ('word', models.CharField(max_length=100)),
                    ('means', models.CharField(max_length=100)),
                    ('set_at', models.DateTimeField()),
                    ('set_by', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ['kind', 'word'],
                    'constraints': [models.UniqueConstraint(fields=('kind', 'word'), name='synonym_once')],
                },
            ),
            # Files that were read into a registry: checked first, applied when a person says so.
            migrations.CreateModel(
                name='ImportedFile',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(max_length=20)),
                    ('name', models.CharField(max_length=200)),
                    ('digest', models.CharField(max_length=64)),
                    ('state', models.CharField(choices=[('WAITING', 'being checked'), ('CHECKED', 'checked'), ('APPLYING', 'being applied'), ('APPLIED', 'applied'), ('DROPPED', 'dropped'), ('UNREADABLE', 'cannot be read')], default='WAITING', max_length=20)),
                    ('content', models.BinaryField()),
                    ('rows', models.PositiveIntegerField(default=0)),
                    ('counts', models.JSONField(default=dict)),
                    ('verdicts', models.JSONField(default=list)),
                    ('reason', models.TextField(blank=True)),
                    ('checked_at', models.DateTimeField()),
                    ('applied_at', models.DateTimeField(blank=True, null=True)),
                    ('checked_by', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('leave_bad', models.BooleanField(default=False)),
                    ('problem', models.TextField(blank=True)),
                ],
                options={
                    'ordering': ['-id'],
                    'indexes': [models.Index(fields=['kind', 'digest'], name='importedfile_digest')],
                },
            ),
        ]),
        migrations.RunSQL(
            APPEND_ONLY, "DROP TRIGGER mapping_decision_append_only ON mapping_decision;"
        ),
    ]
