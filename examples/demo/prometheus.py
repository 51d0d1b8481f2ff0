"""Reads Prometheus' text format: only as much of it as looking at counters and gauges needs."""

from collections import defaultdict


def samples(text: str) -> dict[str, list[float]]:
    """Each metric's values, one for each combination of labels. Lines that are no samples are passed over.

    >>> samples('# TYPE a counter\\na_total{partition="0"} 2\\na_total{partition="1"} 3 1767225600000\\nb NaN\\n')
    {'a_total': [2.0, 3.0]}
    """
    found: dict[str, list[float]] = defaultdict(list)
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        name = line.split("{", 1)[0].split(" ", 1)[0]
        rest = line[line.rfind("}") + 1 :] if "{" in line else line[len(name) :]
        try:
            value = float(rest.split()[0])
        except (ValueError, IndexError):
            continue
        if value == value:  # not NaN
            found[name].append(value)
    return dict(found)
