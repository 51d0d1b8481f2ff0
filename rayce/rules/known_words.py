"""The context features that an audience may ask for, and their words; what else a marketer writes is a mistake, and told so.

They are those that `rayce.context` detects.
"""

import re

KNOWN_WORDS: dict[str, frozenset[str] | re.Pattern[str]] = {
    "device": frozenset({"phone", "tablet", "desktop", "bot"}),
    "browser": frozenset({"chrome", "safari", "firefox", "edge", "opera", "samsung", "other"}),
    "country": re.compile(r"[A-Z]{2}"),
    "language": re.compile(r"[a-z]{2,3}"),
    "day_part": frozenset({"night", "morning", "afternoon", "evening"}),
    "referrer": frozenset({"search", "social", "mail", "ad", "internal", "other", "direct"}),
    "gpc": frozenset({"1"}),
}
"""By context feature, its words, or how they look."""


def described(feature: str) -> str:
    """What the words of a feature are, for a message."""
    known = KNOWN_WORDS[feature]
    return ", ".join(sorted(known)) if isinstance(known, frozenset) else f"words like {known.pattern}"


def is_known(feature: str, word: str) -> bool:
    """Whether a feature can ever have that word."""
    known = KNOWN_WORDS[feature]
    return word in known if isinstance(known, frozenset) else known.fullmatch(word) is not None
