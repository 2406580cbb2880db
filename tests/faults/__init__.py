"""The fault campaign: the whole product, struck again and again; then the far sides are asked."""
