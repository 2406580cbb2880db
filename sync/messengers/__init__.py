"""Where notifications leave the house by HTTP. Django-free."""
