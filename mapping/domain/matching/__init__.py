"""How a marketplace variant finds its ERP item: parsing, candidates, scores, confidence. Pure."""
