"""How the supervisor tells silence from work."""

from mkterp.core.supervisor import Pulse


def pulse(**changes):
    return Pulse(**{"stale": 120.0, "longest": 240.0, "heard_at": 1000.0, "beats": 1, **changes})


def test_a_new_cluster_is_asked_at_once_and_gets_time_to_start():
    heart = pulse(beats=0)
    assert heart.is_quiet(at=1001.0)
    assert not heart.is_lost(at=1149.0)
    assert heart.is_lost(at=1151.0)


def test_silence_is_first_asked_about_and_then_ends_the_cluster():
    heart = pulse()
    assert not heart.is_quiet(at=1060.0)
    assert heart.is_quiet(at=1061.0)
    assert not heart.is_lost(at=1120.0)
    assert heart.is_lost(at=1121.0)


def test_a_beat_counts_from_when_it_was_seen_whatever_time_it_names():
    heart = pulse()
    heart.see(("in 1970", {}), busy_for=0, at=1100.0)
    assert not heart.is_lost(at=1219.0)
    heart.see(("in 1970", {}), busy_for=0, at=1219.0)
    assert heart.is_lost(at=1221.0)


def test_a_long_task_excuses_silence_for_as_long_as_a_task_may_take():
    heart = pulse()
    heart.see(("first", {"busy_for": 240}), busy_for=240, at=1010.0)
    assert not heart.is_lost(at=1249.0)
    assert heart.is_lost(at=1251.0)


def test_tasks_that_begin_and_never_end_excuse_nothing_for_ever():
    """The monitor is stuck: results pile up, and only beginnings are seen."""
    heart = pulse()
    for minute in range(1, 10):
        heart.see(("first", {"busy_for": 240, "n": minute}), busy_for=240, at=1000.0 + minute * 60)
    assert heart.is_lost(at=1000.0 + 60 + 240 + 121)


def test_the_database_being_away_is_not_the_clusters_silence():
    heart = pulse()
    heart.pardon(at=1500.0)
    assert not heart.is_lost(at=1619.0)
    assert heart.is_lost(at=1621.0)
