"""The segment catalogue that is live: published as a generation, taken up by every process without a restart.

Until one was activated the file that the settings name counts. The generation's name belongs to no tenant, as all tenants
share the catalogue.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from msgspec import Struct

from rayce.documents import Document
from rayce.errors import InvalidArtifact, InvalidCatalogue, InvalidInput, Unavailable
from rayce.features.feature_set import ALL, FeatureSet
from rayce.generations import LiveGenerations, Parse, generation_name
from rayce.publication import publish
from rayce.segments.catalogue import Catalogue, load_catalogue, parse_catalogue, parse_identities
from rayce.segments.succession import Lineage, check_succession
from rayce.stores.interfaces import DurableGenerations

OWNER, KIND = "_", "segment-catalogue"
NAME = generation_name(OWNER, KIND)
CATALOGUE_FILE, MANIFEST_FILE = "catalogue.yaml", "manifest.json"


class CatalogueManifest(Struct, frozen=True):
    """Since when it is live (ms), which generation was before it (0: the settings' file), and what bits have ever meant."""

    version: str
    activated_ms: int
    before: int
    lineage: Lineage


class Activated(NamedTuple):
    """A catalogue that was activated."""

    number: int
    catalogue: Catalogue
    manifest: CatalogueManifest


def catalogue_parser(features: FeatureSet = ALL) -> Parse:
    """Reads the catalogue out of a generation's files, for `LiveGenerations`."""
    return lambda files: _read(files, features)[0]


class LiveCatalogue:
    """`current` is what counts now. Cheap: ask for it at every request, and once a batch of events."""

    def __init__(self, live: LiveGenerations, otherwise: Catalogue) -> None:
        """`live` has `catalogue_parser` for `KIND`; `otherwise` counts until something was activated."""
        self._live = live
        self.otherwise = otherwise
        """The settings' catalogue."""

    @property
    def current(self) -> Catalogue:
        """The live catalogue, or the settings' file as far as is known."""
        loaded = self._live.get(OWNER, KIND)
        return self.otherwise if loaded is None else loaded.value

    def certain(self) -> Catalogue:
        """The same, but `Unavailable` while it is not known which is live: whoever writes flags must not guess."""
        loaded = self._live.get(OWNER, KIND)
        if loaded is not None:
            catalogue: Catalogue = loaded.value
            return catalogue
        if not self._live.looked:
            raise Unavailable("dynamodb", f"not known yet which segment catalogue is live: {self._live.errors.get('')}")
        if NAME in self._live.errors:
            raise Unavailable("dynamodb", f"the live segment catalogue cannot be used: {self._live.errors[NAME]}")
        return self.otherwise


def activated(durable: DurableGenerations, features: FeatureSet = ALL) -> Activated | None:
    """What was activated, or None where the settings' file counts. `InvalidArtifact` where it cannot be used."""
    number = durable.live(NAME).get(NAME)
    if number is None:
        return None
    return Activated(number, *_read(durable.load_generation(NAME, number), features))


def live_text(durable: DurableGenerations) -> Document | None:
    """The catalogue that was activated, as text, whatever it says; None where the settings' file counts."""
    number = durable.live(NAME).get(NAME)
    if number is None:
        return None
    files = durable.load_generation(NAME, number)
    manifest = _manifest(files)
    try:
        return Document(number, files[CATALOGUE_FILE].decode(), manifest.activated_ms, manifest.before)
    except (KeyError, UnicodeDecodeError) as error:
        raise InvalidArtifact(f"the segment catalogue cannot be read: {error}", CATALOGUE_FILE, None) from None


def current_catalogue(durable: DurableGenerations, path: str | None, features: FeatureSet = ALL) -> Catalogue:
    """What counts now, for programs that end before it changes: what was activated, or else the settings' file."""
    live = activated(durable, features)
    return live.catalogue if live else load_catalogue(path, features)


def activate(
    durable: DurableGenerations, text: str, otherwise: Catalogue, now_ms: int, features: FeatureSet = ALL
) -> Activated:
    """Make a catalogue live; `InvalidCatalogue` where it does not hold together or may not follow the live one.

    What is live already stays as it is, so that a way back is not used up by repeating.
    """
    new = parse_catalogue(text, features)
    number = durable.live(NAME).get(NAME, 0)
    if number and _manifest(durable.load_generation(NAME, number)).version == new.version:
        return Activated(number, *_read(durable.load_generation(NAME, number), features))
    lineage = check_may_follow(durable, new, otherwise)
    manifest = CatalogueManifest(new.version, now_ms, number, lineage.extended(new))
    files = {CATALOGUE_FILE: text.encode(), MANIFEST_FILE: msgspec.json.encode(manifest)}
    return Activated(publish(durable, NAME, files, catalogue_parser(features)), new, manifest)


def check_may_follow(durable: DurableGenerations, new: Catalogue, otherwise: Catalogue) -> Lineage:
    """What bits have meant so far; `InvalidCatalogue` where `new` would have one mean something else than it does."""
    number = durable.live(NAME).get(NAME, 0)
    live = _identities(durable.load_generation(NAME, number)) if number else otherwise
    lineage = _lineage(durable, live)
    check_succession(live, lineage, new)
    return lineage


def roll_back(durable: DurableGenerations, features: FeatureSet = ALL) -> Activated:
    """Make the catalogue live that was so before. `InvalidInput` where there is none any more."""
    number = durable.live(NAME).get(NAME)
    if number is None:
        raise InvalidInput("nothing was activated: the catalogue of the settings is live", "generation", None)
    before = _manifest(durable.load_generation(NAME, number)).before
    if before not in durable.numbers(NAME):
        raise InvalidInput(
            f"there is nothing to go back to: before generation {number}"
            + (
                f" it was {before}, which is no longer kept"
                if before
                else " it was the file of the settings; activate it"
            ),
            "generation",
            before,
        )
    read = _read(durable.load_generation(NAME, before), features)
    durable.make_live(NAME, before)
    return Activated(before, *read)


def _lineage(durable: DurableGenerations, live: Catalogue) -> Lineage:
    """The newest generation's manifest knows all, also after a way back; it is never thrown away."""
    numbers = durable.numbers(NAME)
    if not numbers:
        return Lineage().extended(live)
    return _manifest(durable.load_generation(NAME, numbers[-1])).lineage


def _identities(files: Mapping[str, bytes]) -> Catalogue:
    """What the bits mean. Not its rules: what is live may want a feature that is off now, and must be replaceable then."""
    try:
        return parse_identities(files[CATALOGUE_FILE].decode())
    except (KeyError, UnicodeDecodeError, InvalidCatalogue) as error:
        raise InvalidArtifact(f"the segment catalogue cannot be used: {error}", CATALOGUE_FILE, None) from None


def _read(files: Mapping[str, bytes], features: FeatureSet) -> tuple[Catalogue, CatalogueManifest]:
    try:
        return parse_catalogue(files[CATALOGUE_FILE].decode(), features), _manifest(files)
    except (KeyError, UnicodeDecodeError, InvalidCatalogue) as error:
        raise InvalidArtifact(f"the segment catalogue cannot be used: {error}", CATALOGUE_FILE, None) from None


def _manifest(files: Mapping[str, bytes]) -> CatalogueManifest:
    try:
        return msgspec.json.decode(files[MANIFEST_FILE], type=CatalogueManifest)
    except (KeyError, msgspec.MsgspecError) as error:
        raise InvalidArtifact(f"the catalogue's manifest cannot be read: {error}", MANIFEST_FILE, None) from None
