"""What people type and press in this room's own pages."""
