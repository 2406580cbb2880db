from django.db import migrations

# The table of Django's database cache (what `createcachetable` makes), as a migration, so that
# there is no second command to forget. Its rows may be lost at any time: unlogged.
MAKE = """
CREATE UNLOGGED TABLE core_cache (
    cache_key varchar(255) PRIMARY KEY,
    value text NOT NULL,
    expires timestamptz NOT NULL
);
CREATE INDEX core_cache_expires ON core_cache (expires);
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0005_books")]

    operations = [migrations.RunSQL(MAKE, "DROP TABLE core_cache")]
