"""Each normal form by itself: barcodes, sizes, colours, packs, generations, codes, brands."""

import math

import pytest

from mapping.domain.matching import brands, codes, colours, gtins, packs, sizes, traits
from mapping.domain.matching.parsed import Parser
from mapping.domain.matching.records import Agreement, Record, Synonyms
from mapping.domain.matching.words import clean

AGREE, CONFLICT, UNKNOWN = Agreement.AGREE, Agreement.CONFLICT, Agreement.UNKNOWN


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("4006381333931", "04006381333931"),
        ("0800050027787", "00800050027787"),
        ("800050027787", "00800050027787"),  # UPC-A of the same article
        ("00800050027787", "00800050027787"),
        ("'4006381333931", "04006381333931"),
        ("4006381333931.0", "04006381333931"),
        ("4.006381333931E+12", "04006381333931"),
        ("4006381-333931", "04006381333931"),
        ("36000291452", "00036000291452"),  # a spreadsheet dropped the zeros
    ],
)
def test_a_barcode_has_one_form_however_it_is_written(text, code):
    assert gtins.parse(text).code == code


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("4006381333932", gtins.State.INVALID),
        ("12345", gtins.State.INVALID),
        ("0000000000000", gtins.State.INVALID),
        ("abc", gtins.State.INVALID),
        ("4.00638E+12", gtins.State.MANGLED),
        ("2001234567893", gtins.State.IN_STORE),
        ("0400050122965", gtins.State.IN_STORE),
    ],
)
def test_a_barcode_that_proves_nothing_is_kept_as_such(text, state):
    found = gtins.parse(text)
    assert found.state is state
    assert found.code == ""


def test_a_case_names_the_article_inside():
    found = gtins.parse("15000050120866")
    assert (found.state, found.code) == (gtins.State.CASE, "05000050120869")


@pytest.mark.parametrize("text", ["", "n/a", "0", " - "])
def test_no_barcode_is_none(text):
    assert gtins.parse(text) is None


@pytest.mark.parametrize(
    ("one", "other", "gender", "verdict"),
    [
        ("XL", "Extra Large", "", AGREE),
        ("2XL", "XX-Large", "", AGREE),
        ("M", "L", "", CONFLICT),
        ("EU 43", "US 9.5", "m", AGREE),
        ("EU 44", "US 9.5", "m", CONFLICT),
        ("EU 39", "US 8", "w", AGREE),
        ("EU 41", "US 8", "m", AGREE),
        ("EU 32", "US 1", "k", AGREE),
        ("EU 43 / US 9.5", "43", "m", AGREE),
        ("EU 42", "UK 7.5", "m", UNKNOWN),  # 41 for some makers, 42 for others
        ("EU 45", "UK 7.5", "m", CONFLICT),
        ("EU 41", "US 8", "", UNKNOWN),  # nobody said for whom
        ("W30 L32", "30/32", "", AGREE),
        ("30W x 32L", "30/34", "", CONFLICT),
        ("39-42", "39 – 42", "", AGREE),
        ("39-42", "43-46", "", CONFLICT),
        ("39-42", "45", "", CONFLICT),
        ("3-4 years", "3-4Y", "", AGREE),
        ("6 months", "12 months", "", CONFLICT),
        ("34B", "34 C", "", CONFLICT),
        ("M", "40", "", UNKNOWN),
        ("", "M", "", UNKNOWN),
        ("OSFA", "One Size", "", AGREE),
        ("bent", "straight", "", CONFLICT),
    ],
)
def test_sizes_are_compared_across_systems(one, other, gender, verdict):
    left, right = (sizes.parse_column(clean(x)) for x in (one, other))
    assert sizes.compare(left, right, gender) is verdict


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("Opal BOXER BRF K Pink M 3PK", "M"),
        ("Mens Chino, W30 L32", "W30 L32"),
        ("Trail shoe EU 42.5", "EU 42.5"),
        ("Leggings 7/8 M burgundy", ""),
        ("Crew Neck Tee, X-Large NEW", "XL"),
        ("HDMI cable 2 m", ""),
    ],
)
def test_a_title_states_a_size_only_when_it_does(title, shown):
    assert sizes.show(sizes.parse_title(clean(title))) == shown


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        ("Navy", "NVY", AGREE),
        ("Bordeaux", "Burgundy", AGREE),
        ("Grey Marl", "Heather Gray", AGREE),
        ("Charcoal", "Dark Grey", AGREE),
        ("Noir", "Jet Black", AGREE),
        ("Grey", "Charcoal", UNKNOWN),  # neighbours prove nothing
        ("Black", "White", CONFLICT),
        ("Navy", "Light Blue", CONFLICT),
        ("Black/White", "White", UNKNOWN),
        ("Sunset Haze", "Sunset Haze", AGREE),
        ("Sunset Haze", "Red", UNKNOWN),
        ("", "Red", UNKNOWN),
    ],
)
def test_colours_are_compared_by_family(one, other, verdict):
    left, right = (colours.parse_column(clean(x)) for x in (one, other))
    assert colours.compare(left, right) is verdict


def test_a_title_word_that_is_a_colour_only_sometimes_is_left_alone():
    assert colours.parse_title("extra virgin olive oil", {}) == ("olive",)
    assert colours.parse_title("stone crusher gld4355", {}) == ()


def test_an_installation_teaches_its_own_colour_words():
    parser = Parser(Synonyms(colours={"Abyss": "navy"}))
    assert parser.parse(Record("1", "Tee", colour="Abyss")).colours == ("navy",)


@pytest.mark.parametrize(
    ("title", "count"),
    [
        ("Socks 3-pack", 3),
        ("Pack of 6 towels", 6),
        ("(3er Pack) Trunks", 3),
        ("3 x Boxer", 3),
        ("Trunks 3 x - Black", 3),
        ("TEE M 3PK", 3),
        ("Cola 6 x 330 ml", 6),
        ("Twin pack razors", 2),
        ("Binoculars 10 x 42", None),
        ("5 disc changer", None),
        ("1920x1080 monitor", None),
        ("Plain shirt", None),
    ],
)
def test_a_pack_is_read_where_one_is_meant(title, count):
    assert packs.parse_title(clean(title)) == count


def test_a_column_that_says_one_does_not_silence_a_title_that_says_three():
    assert Parser().parse(Record("1", "Socks 3-pack", pack="1")).pack == 3


@pytest.mark.parametrize(
    ("one", "other", "value"),
    [
        ("Juno v3 boot", "Juno 3 boot", 1.0),
        ("Juno v3 boot", "Juno 2 boot", -1.0),
        ("Juno boot", "Juno 3 boot", -0.5),
        ("Juno boot", "Kite boot", 0.0),
        ("Camera Mk II", "Camera mark 2", 1.0),
        ("Suite 2007", "Suite 2010", -1.0),
        ("Suite 2007", "Suite", 0.0),  # a year on one side is a season or a reprint
        ("Nano 4th generation", "Nano gen 4", 1.0),
    ],
)
def test_generations_are_told_apart(one, other, value):
    assert (
        traits.compare_versions(traits.versions(clean(one)), traits.versions(clean(other))) == value
    )


@pytest.mark.parametrize(
    ("one", "other", "agree", "differ"),
    [
        ("Drive 1TB", "Drive 1024 GB", 1, 0),
        ("Shampoo 500 ml", "Shampoo 0.5 l", 1, 0),
        ('TV 32"', "TV 37-inch", 0, 1),
        ("Card 8GB", "Card", 0, 0),
    ],
)
def test_quantities_are_compared_in_one_unit(one, other, agree, differ):
    found = traits.compare_units(traits.units(clean(one)), traits.units(clean(other)))
    assert found == (agree, differ)


def test_a_model_number_has_a_digit_and_is_no_measure():
    found = codes.models(clean("Sony DSC-W170 60GB 1080p 20.0 KDL-46S4100 2024 1920x1080"))
    assert found == ("dscw170", "kdl46s4100")


@pytest.mark.parametrize(
    ("one", "other", "least", "most"),
    [
        ("dscw170", "dscw170", 1.0, 1.0),
        ("ddw1805wh", "ddw1805w", 0.9, 0.99),
        ("967562", "9675620403", 0.8, 0.9),
        ("kdl46s4100", "nnsd967ss", 0.0, 0.1),
    ],
)
def test_model_numbers_are_alike_when_one_continues_the_other(one, other, least, most):
    assert least <= codes.similarity(one, other) <= most


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        ("Northfell", "North Fell Inc.", AGREE),
        ("Kestrel", "Kestrel Athletics", AGREE),
        ("HARROW WORKWEAR", "Harrow", AGREE),
        ("General Electric", "GE", AGREE),
        ("Canon", "Nikon", CONFLICT),
        ("", "Nikon", UNKNOWN),
    ],
)
def test_brands_are_compared_without_legal_forms(one, other, verdict):
    assert brands.compare(brands.parse(one), brands.parse(other)) is verdict


@pytest.mark.parametrize(
    ("own", "letters", "share"),
    [
        (("coolpixs710bk",), "nikoncoolpixs71014megapixel", 11 / 13),  # a colour behind it
        (("audio920",), "plantronicsaudio920wireless", 1.0),  # written apart there
        (("du1055bk", "abcd"), "du1055xtsb", 6 / 8),  # the better of two
        (("dscw170",), "dschw170", 0.0),  # three characters are no start
    ],
)
def test_the_start_of_a_code_is_found_in_the_letters_of_the_other_side(own, letters, share):
    assert codes.start_inside(own, letters) == share


def test_without_a_code_there_is_no_start_to_find():
    assert math.isnan(codes.start_inside((), "dscw170"))
    assert math.isnan(codes.start_inside(("g10",), "g10"))


def test_a_short_name_is_no_measure_and_no_size():
    text = clean("Canon G10, Summit S-450, X50 radar, 12V 5MP 34W uk9 2.5in DSC-H20 T-shirt")
    assert codes.marks(text) == {"g10", "s450", "x50", "h20"}


def test_a_brand_called_kids_sells_to_men_too():
    assert Parser().parse(Record("1", "Pippin Kids Mens Jacket", brand="Pippin Kids")).gender == "m"


@pytest.mark.parametrize(
    "title", ["", "   ", "★★★", "帽子 男性用 黒", "قميص أزرق", "&nbsp;<b></b>", "\x00\ufffd", "½"]
)
def test_any_title_can_be_read(title):
    Parser().parse(Record("1", title, size=title, colour=title, pack=title, gtins=(title,)))


def test_clean_text_has_one_form():
    assert clean("Ｃafé&amp;Bar  «X» – 5″") == 'cafe&bar «x» - 5"'
