"""What hangs together, and what is left when one thing is merged into another."""

from collections.abc import Iterable, Mapping, Sequence


class Circle(Exception):
    """A is merged into B and B, through however many steps, into A. `items` in order."""

    def __init__(self, items: Sequence[int]) -> None:
        super().__init__(" → ".join(map(str, items)))
        self.items = items


def groups_of(pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Each number to the smallest one that it hangs together with."""
    root: dict[int, int] = {}

    def top(one: int) -> int:
        while root.setdefault(one, one) != one:
            root[one] = root[root[one]]
            one = root[one]
        return one

    for left, right in pairs:
        low, high = sorted((top(left), top(right)))
        root[high] = low
    return {one: top(one) for one in root}


def survivors(merges: Iterable[tuple[int, int]]) -> Mapping[int, int]:
    """(given up, kept) pairs to: each given up item and the one that is left in the end.

    Raises Circle when nothing would be left. An item that is given up for two different ones goes
    with the first.
    """
    into: dict[int, int] = {}
    for given_up, kept in merges:
        into.setdefault(given_up, kept)
    ends: dict[int, int] = {}
    for start in into:
        path = [start]
        while path[-1] in into:
            following = into[path[-1]]
            if following in path:
                raise Circle([*path[path.index(following) :], following])
            path.append(following)
        ends[start] = path[-1]
    return ends
