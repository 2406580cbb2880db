"""Files of people are read row by row: a long one is held once, as the bytes that came."""

import tracemalloc

from mapping.services import tables


def peak(rows, encoding):
    """(the most that reading took besides the file itself, bytes of the file)."""
    lines = "".join(f"71,{n},I{n}\n" for n in range(rows))
    content = ("seller_id,variant_id,erp_sku\n" + lines).encode(encoding)
    del lines
    tracemalloc.start()
    seen = sum(1 for _ in tables.read(content))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seen == rows + 1  # the heading too
    return most, len(content)


def test_reading_200_000_rows_takes_the_text_once_more_and_nothing_for_a_row():
    few, small = peak(20_000, "utf-8")
    many, large = peak(200_000, "utf-8")
    assert many - few < 1.5 * (large - small)


def test_utf16_is_read_row_by_row_too():
    few, small = peak(2_000, "utf-16")
    many, large = peak(20_000, "utf-16")
    assert many - few < 1.5 * (large - small)
