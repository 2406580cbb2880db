"""The only way news goes up from mapping."""

from django.dispatch import Signal

# What may have unblocked something: `listing_ids`, `seller_ids` (ours) and `countries`, as sets.
# Sent inside the transaction of the change, so that what it releases commits with it.
mapping_changed = Signal()
