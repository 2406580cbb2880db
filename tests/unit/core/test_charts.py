"""Charts drawn by the server: in proportion, within their frame, and readable as a table."""

from mkterp.overview.charts import chart


def test_bars_stand_in_proportion_on_the_floor_and_inside_the_frame():
    drawn = chart("How many?", [("a", "f-done"), ("b", "f-need")], [("x", (10, 5)), ("y", (0, 20))])

    tall = [bar.height for bar in drawn.bars]
    assert (tall[0], tall[1], tall[2]) == (tall[3] // 2, round(tall[3] / 4), 0)
    assert all(bar.y + bar.height == drawn.floor for bar in drawn.bars)
    assert all(bar.x >= 0 and bar.x + bar.width <= drawn.width for bar in drawn.bars)


def test_nothing_to_show_is_drawn_as_nothing():
    assert chart("How many?", [("a", "f-done")], []).bars == []
    assert [bar.height for bar in chart("?", [("a", "x")], [("d", (0,))]).bars] == [0]
