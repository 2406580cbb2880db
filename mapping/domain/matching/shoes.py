"""Shoe sizes: EU, UK and US by gender. A table, because no formula fits what is sold."""

# (EU, UK, US). Makers agree on EU and US; for UK sizes there are two schools, half a size apart.
_MEN = (
    (38.5, 5.5, 6), (39, 6, 6.5), (40, 6.5, 7), (40.5, 7, 7.5), (41, 7.5, 8), (42, 8, 8.5),
    (42.5, 8.5, 9), (43, 9, 9.5), (44, 9.5, 10), (44.5, 10, 10.5), (45, 10.5, 11),
    (45.5, 11, 11.5), (46, 11.5, 12), (47, 12, 12.5), (47.5, 12.5, 13), (48, 13, 13.5),
    (48.5, 13.5, 14), (49.5, 14, 15),
)  # fmt: skip
_WOMEN = (
    (35, 2.5, 4.5), (35.5, 3, 5), (36, 3.5, 5.5), (36.5, 3.5, 6), (37, 4, 6.5), (37.5, 4.5, 7),
    (38, 5, 7.5), (38.5, 5.5, 8), (39, 6, 8), (39.5, 6, 8.5), (40, 6.5, 9), (40.5, 7, 9.5),
    (41, 7.5, 9.5), (41.5, 7.5, 10), (42, 8, 10), (42.5, 8.5, 10.5), (43, 9, 11),
)  # fmt: skip
_KIDS = (
    (22, 5.5, 6), (23, 6.5, 7), (24, 7.5, 8), (25, 8, 8.5), (26, 8.5, 9), (27, 9.5, 10),
    (28, 10.5, 11), (29, 11.5, 12), (30, 12, 12.5), (31, 12.5, 13), (32, 13.5, 1), (33, 1, 2),
    (34, 2, 3), (35, 2.5, 3.5), (36, 3.5, 4.5), (37, 4.5, 5.5), (38, 5.5, 6),
)  # fmt: skip
_TABLES = {"m": _MEN, "w": _WOMEN, "k": _KIDS}
# What the other school takes off the US size to get the UK one.
_OTHER_UK = {"m": 1.0, "w": 2.5, "k": 1.0}
# Charts of two makers differ by half a size; a whole one is another shoe.
TOLERANCE = 0.5


def to_eu(system: str, value: float, gender: str) -> tuple[float, ...]:
    """Every EU size a UK or US size may be, for this gender or, when it is unknown, for any."""
    found: set[float] = set()
    for key, table in _TABLES.items():
        if gender in _TABLES and key != gender:
            continue
        for eu, uk, us in table:
            if value in ((us,) if system == "us" else (uk, _other_uk(key, us))):
                found.add(eu)
    return tuple(sorted(found))


def _other_uk(gender: str, us: float) -> float:
    other = us - _OTHER_UK[gender]
    # Children's sizes start again at 1 after 13.5; 12.5 is half a size only.
    if gender == "k":
        other = us - 0.5 if us > 6.5 else us - 1.0
        return other + 13.0 if other < 1 else other
    return other
