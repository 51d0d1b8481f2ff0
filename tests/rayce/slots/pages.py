"""Documents that the tests of slots share."""

from rayce.circumstances import Circumstances, words
from rayce.segments.catalogue import parse_catalogue

CATALOGUE = parse_catalogue(
    "version: 1\nsegments: [{name: vip, bit: 0, kind: batch}, {name: new, bit: 3, kind: batch}]"
)
VIP, NEW = 1 << 0, 1 << 3

HOME = """
version: 3
layers: [{name: front}]
slots:
  - name: hero
    fallback: plain
    variants:
      - {name: plain, payload: {title: Welcome}}
      - {name: sale, payload: {title: Sale, modules: [a, b]}}
      - {name: club}
    rules:
      - {name: vips, show: club, audience: {segments: {any: [vip]}}}
      - {name: phones, show: sale, audience: {context: {device: [phone]}}}
      - {name: test, experiment: hero_test}
    experiments:
      - name: hero_test
        holdout: 0.1
        audience: {segments: {none: [vip]}}
        arms: [{variant: plain, weight: 1}, {variant: sale, weight: 3}]
  - name: footer
    fallback: plain
    variants: [{name: plain}]
"""


def at(slot: str = "hero", **context: str) -> Circumstances:
    """Circumstances of a request."""
    return Circumstances(slot, words(context))


def people(count: int, first: int = 0) -> list[str]:
    """Pseudonyms."""
    return [f"k1:{n:032x}" for n in range(first, first + count)]
