"""What this room knows, one module a subject."""
