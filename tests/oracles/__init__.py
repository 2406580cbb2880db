"""Answers worked out another way than the product does, slowly and in the open."""
