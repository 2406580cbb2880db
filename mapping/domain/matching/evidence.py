"""Why a candidate is offered, in sentences made of the compared facts."""

from mapping.domain.matching import colours, features, gtins, sizes, traits
from mapping.domain.matching.parsed import Parsed
from mapping.domain.matching.records import Agreement, Evidence

AGREE, CONFLICT, UNKNOWN = Agreement.AGREE, Agreement.CONFLICT, Agreement.UNKNOWN
_FAMILY = {
    "offwhite": "off-white", "greymarl": "grey marl", "lightgrey": "light grey",
    "rosegold": "rose gold", "lightblue": "light blue", "darkgreen": "dark green",
    "lightgreen": "light green", "hotpink": "hot pink", "stainless": "stainless steel",
}  # fmt: skip
_GENDER = {"m": "men", "w": "women", "k": "children", "u": "unisex", "": ""}
_BARCODE_FAULT = {
    gtins.State.INVALID: "its check digit or length is wrong",
    gtins.State.MANGLED: "a spreadsheet has cut it",
    gtins.State.IN_STORE: "it is a shop's own number",
}


def explain(left: Parsed, right: Parsed) -> tuple[Evidence, ...]:
    """Every respect in which at least one side says something, conflicts first, unknown last."""
    found = [
        _barcode(left, right),
        _model(left, right),
        _plain("Brand", features.brand_agreement(left, right), left.record.brand,
               right.record.brand),
        _plain("Size", features.size_agreement(left, right), sizes.show(left.size),
               sizes.show(right.size)),
        _colour(left, right),
        _pack(left, right),
        _plain("For", features.gender_agreement(left, right), _GENDER[left.gender],
               _GENDER[right.gender]),
        _version(left, right),
        _quantities(left, right),
        _price(left, right),
    ]  # fmt: skip
    order = {CONFLICT: 0, AGREE: 1, UNKNOWN: 2}
    present = [e for e in found if e is not None]
    return tuple(sorted(present, key=lambda e: order[e.verdict]))


def _plain(name: str, verdict: Agreement, here: str, there: str) -> Evidence | None:
    if not here and not there:
        return None
    if verdict is AGREE:
        same = not here or not there or here.casefold() == there.casefold()
        sentence = f"Same {name.lower()}: {here or there}."
        if not same:
            sentence = f"Same {name.lower()}: {here} = {there}."
        if name == "For":
            sentence = f"Both for {here}."
    elif verdict is CONFLICT:
        sentence = f"{name} differs: {here} here, {there} in the item."
    elif here and there:
        sentence = f"{name} need not be the same: {here} here, {there} in the item."
    else:
        where = "in the item" if here else "in the listing"
        sentence = f"{name} is unknown {where}."
    return Evidence(name, verdict, here, there, sentence)


def _barcode(left: Parsed, right: Parsed) -> Evidence | None:
    here = ", ".join(g.text for g in left.gtins)
    there = ", ".join(g.text for g in right.gtins)
    if not here and not there:
        return None
    value = features.gtin_sign(left, right)
    if value == 1:
        return Evidence("Barcode", AGREE, here, there, "Same barcode.")
    if value == 0.5 and features.alike(left, right):
        return Evidence("Barcode", UNKNOWN, here, there, _alike(left, right))
    if value == 0.5:
        return Evidence("Barcode", UNKNOWN, here, there, "One barcode is a case of the other.")
    if value == -1:
        return Evidence("Barcode", CONFLICT, here, there, "Barcodes differ.")
    for side, where in ((left, "in the listing"), (right, "in the item")):
        for gtin in side.gtins:
            if fault := _BARCODE_FAULT.get(gtin.state):
                sentence = f"The barcode {where} counts for nothing: {fault}."
                return Evidence("Barcode", UNKNOWN, here, there, sentence)
    where = "in the item" if here else "in the listing"
    return Evidence("Barcode", UNKNOWN, here, there, f"No barcode {where}.")


def _alike(left: Parsed, right: Parsed) -> str:
    if left.loose & right.loose:
        return "Same number, but no barcode that counts outside one shop."
    return "One digit apart, and the check digit is wrong: probably the same barcode mistyped."


def _model(left: Parsed, right: Parsed) -> Evidence | None:
    here, there = left.models + left.skus[1:], right.models + right.skus[1:]
    shared = [m for m in here if m in there or m in right.glued]
    shared += [m for m in there if m in left.glued and m not in shared]
    if shared:
        best = max(shared, key=len).upper()
        return Evidence("Model", AGREE, best, best, f"Same model or style number: {best}.")
    if not left.models and not right.models:
        return None
    ours, theirs = " ".join(left.models).upper(), " ".join(right.models).upper()
    if left.models and right.models:
        return Evidence("Model", CONFLICT, ours, theirs, f"Model numbers: {ours} here, {theirs}.")
    where = "in the item" if ours else "in the listing"
    return Evidence("Model", UNKNOWN, ours, theirs, f"No model number {where}.")


def _colour(left: Parsed, right: Parsed) -> Evidence | None:
    here = left.record.colour or families(left)
    there = right.record.colour or families(right)
    return _plain("Colour", colours.compare(left.colours, right.colours), here, there)


def families(item: Parsed) -> str:
    """The colour families of an item in words."""
    return "/".join(_FAMILY.get(c, c.strip("?")) for c in item.colours)


def _pack(left: Parsed, right: Parsed) -> Evidence | None:
    if max(left.pack, right.pack) <= 1:
        return None
    here, there = left.pack or 1, right.pack or 1
    if here == there:
        return Evidence("Pack", AGREE, str(here), str(there), f"Both are packs of {here}.")
    sentence = f"Pack differs: {here} here, {there} in the item."
    return Evidence("Pack", CONFLICT, str(here), str(there), sentence)


def _version(left: Parsed, right: Parsed) -> Evidence | None:
    here, there = (" ".join(sorted(v[0] | v[1])) for v in (left.versions, right.versions))
    if not (left.versions[0] or right.versions[0]) and not (here and there):
        return None
    value = traits.compare_versions(left.versions, right.versions)
    verdict = AGREE if value > 0 else CONFLICT if value == -1 else UNKNOWN
    return _plain("Version", verdict, here, there)


def _quantities(left: Parsed, right: Parsed) -> Evidence | None:
    agree, differ = traits.compare_units(left.units, right.units)
    if not agree and not differ:
        return None
    here, there = traits.show_units(left.units), traits.show_units(right.units)
    if differ:
        return Evidence("Quantity", CONFLICT, here, there, f"Measures differ: {here}; {there}.")
    return Evidence("Quantity", AGREE, here, there, "Same measures.")


def _price(left: Parsed, right: Parsed) -> Evidence | None:
    ratio = features.price_ratio(left, right)
    if ratio is None:
        return None
    here, there = f"{left.record.price:.2f}", f"{right.record.price:.2f}"
    if 0.99 <= ratio <= 1.01:
        return Evidence("Price", AGREE, here, there, "Same price.")
    percent = abs(ratio - 1) * 100
    sentence = f"Price {percent:.0f} % {'higher' if ratio > 1 else 'lower'} than the item's."
    within = 0.4 <= ratio <= 2.5
    verdict = AGREE if 0.8 <= ratio <= 1.25 else UNKNOWN if within else CONFLICT
    return Evidence("Price", verdict, here, there, sentence)


def decides(first: Parsed, second: Parsed) -> str:
    """The one attribute in which two candidates differ, for the choice between them."""
    if features.size_agreement(first, second) is CONFLICT:
        return "Size"
    if first.colours != second.colours and first.colours and second.colours:
        return "Colour"
    if (first.pack or 1) != (second.pack or 1):
        return "Pack"
    if features.gender_agreement(first, second) is CONFLICT:
        return "For"
    if traits.compare_versions(first.versions, second.versions) < 0:
        return "Version"
    if first.models and second.models and not set(first.models) & set(second.models):
        return "Model"
    if traits.compare_units(first.units, second.units)[1]:
        return "Quantity"
    return ""
