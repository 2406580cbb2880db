"""The views over all rooms: home and health. Reads selectors, writes nothing."""
