"""How titles, codes and options are brought to one form before they are compared."""


def search_text(*parts: str) -> str:
    """What the trigram index sees of an item or a listing: its words in lower case, once each."""
    words = " ".join(parts).lower().replace("-", " ").replace("_", " ").split()
    return " ".join(dict.fromkeys(words))
