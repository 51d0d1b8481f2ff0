"""Reads Prometheus' text format: only as much of it as adding up counters and gauges over their labels needs."""

from collections import defaultdict


def totals(text: str) -> dict[str, float]:
    """Each metric's value summed over its labels. Lines that are no samples are passed over.

    >>> totals('# TYPE a counter\\na_total{partition="0"} 2\\na_total{partition="1"} 3 1767225600000\\nb NaN\\n')
    {'a_total': 5.0}
    """
    found: dict[str, float] = defaultdict(float)
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
            found[name] += value
    return dict(found)
