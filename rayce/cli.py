"""The command `rayce`. What needs more than the library is handed to the programs of the checkout by name."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from rayce.errors import InvalidInput
    from rayce.features.feature_set import FeatureSet
    from rayce.live_catalogue import Activated
    from rayce.model_routing import Routing
    from rayce.rules.comparison import Comparison
    from rayce.rules.rule_set import RuleSet
    from rayce.segments.catalogue import Catalogue
    from rayce.segments.dry_run import DryRun
    from rayce.settings import Settings
    from rayce.slots.book import SlotBook
    from rayce.stores.interfaces import Durable

app = typer.Typer(
    help="rayce: real-time personalization on Ray.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
segments = typer.Typer(help="Segment catalogues.", no_args_is_help=True)
app.add_typer(segments, name="segments")
keys = typer.Typer(help="API keys: added, revoked and taken up by every edge without a restart.", no_args_is_help=True)
app.add_typer(keys, name="keys")
slots = typer.Typer(help="Slots of pages: variants, rules and experiments.", no_args_is_help=True)
app.add_typer(slots, name="slots")
models = typer.Typer(help="Ranking models: which of them ranks for whom.", no_args_is_help=True)
app.add_typer(models, name="models")
rules = typer.Typer(help="The marketer's rules for recommendations.", no_args_is_help=True)
app.add_typer(rules, name="rules")
features = typer.Typer(help="Catalogues of features.", no_args_is_help=True)
app.add_typer(features, name="features")

_HANDED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


@app.command(add_help_option=False, context_settings=_HANDED_ON)
def local(context: typer.Context) -> None:
    """Real Redis, Kafka and DynamoDB servers on this machine: up, down, status, logs, reset."""
    _hand_on("local", "cluster.local", context.args)


@app.command(add_help_option=False, context_settings=_HANDED_ON)
def up(context: typer.Context) -> None:
    """All of rayce on this machine, in the foreground: stores, stream, Serve."""
    _hand_on("up", "cluster.up", context.args)


@app.command(add_help_option=False, context_settings=_HANDED_ON)
def demo(context: typer.Context) -> None:
    """Real shopping data through the whole loop, with a page to look at it."""
    _hand_on("demo", "examples.demo", context.args)


@app.command()
def settings(
    markdown: Annotated[bool, typer.Option("--markdown", help="As docs/settings.md.")] = False,
) -> None:
    """Every knob, its default, and why one would turn it."""
    from rayce import settings_page

    typer.echo(settings_page.markdown() if markdown else settings_page.text(), nl=False)


CatalogueFile = Annotated[Path, typer.Argument(help="A segment catalogue (YAML).")]
SettingsFile = Annotated[
    Path | None, typer.Option("--settings", help="Settings file (default: RAYCE_SETTINGS, then the environment).")
]


@segments.command()
def check(
    file: CatalogueFile,
    sample: Annotated[int, typer.Option(min=0, help="Try it on so many people of durable memory.")] = 0,
    settings: SettingsFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of tables.")] = False,
) -> None:
    """Check a catalogue as rayce would load it. Exit code 1, with key and value, where it does not hold together.

    With --sample also whether it may follow the live one, who would enter and leave which segment, and how segments would
    overlap, before it is activated.
    """
    from msgspec import json

    from rayce.errors import InvalidCatalogue
    from rayce.segments.catalogue import load_catalogue

    features = _features(settings)
    try:
        catalogue = load_catalogue(file, features)
    except InvalidCatalogue as error:
        _refuse(file, error)
    if sample:
        _follow(file, catalogue, settings)
    found = _tried(catalogue, sample, settings) if sample else None
    if as_json:
        told = {"file": str(file), "version": catalogue.version, "segments": len(catalogue.segments), "sample": found}
        typer.echo(json.encode(told).decode())
        return
    compared = "may follow the live one" if sample else "not compared with the live one (--sample)"
    typer.echo(f"{file}: {len(catalogue.segments)} segments, version {catalogue.version}; {compared}")
    if found is not None:
        from rich.console import Console

        from rayce.dry_run_page import show

        show(found, Console(file=sys.stdout))


def _follow(file: Path, catalogue: "Catalogue", settings: Path | None) -> None:
    """Refuse what `activate` would refuse."""
    from rayce import live_catalogue
    from rayce.errors import InvalidCatalogue, RayceError

    durable, otherwise = _stores(settings)
    try:
        live_catalogue.check_may_follow(durable, catalogue, otherwise)
    except InvalidCatalogue as error:
        _refuse(file, error)
    except RayceError:
        return  # durable memory is away: the sample says so


@segments.command()
def activate(file: CatalogueFile, settings: SettingsFile = None) -> None:
    """Make a catalogue live: every worker, edge and job takes it up within a second or so, without a restart.

    Exit code 1 where it does not hold together, or where a bit that is in use would come to mean another segment.
    """
    import time

    from rayce import live_catalogue
    from rayce.errors import InvalidCatalogue, RayceError
    from rayce.segments.catalogue import load_catalogue

    durable, otherwise = _stores(settings)
    try:
        load_catalogue(file, otherwise.features)  # names the file where it does not hold together
        text = file.read_text(encoding="utf-8")
        done = live_catalogue.activate(durable, text, otherwise, time.time_ns() // 1_000_000, otherwise.features)
    except InvalidCatalogue as error:
        _refuse(file, error)
    except RayceError as error:
        _fail(error)
    typer.echo(f"live: {_named(done)}")


@segments.command()
def rollback(settings: SettingsFile = None) -> None:
    """Make the catalogue live again that was so before the present one."""
    from rayce import live_catalogue
    from rayce.errors import RayceError

    durable, otherwise = _stores(settings)
    try:
        done = live_catalogue.roll_back(durable, otherwise.features)
    except RayceError as error:
        _fail(error)
    typer.echo(f"live again: {_named(done)}")


@segments.command()
def live(settings: SettingsFile = None) -> None:
    """Which catalogue is live, and since when."""
    from rayce import live_catalogue
    from rayce.errors import RayceError

    durable, otherwise = _stores(settings)
    try:
        found = live_catalogue.activated(durable)
    except RayceError as error:
        _fail(error)
    if found is None:
        typer.echo(f"nothing was activated: the settings' file is live, version {otherwise.version}")
    else:
        typer.echo(_named(found))


@features.command("list")
def list_features(settings: SettingsFile = None) -> None:
    """Every family of features: whether it is on by the settings, the event types that it heeds, and its features."""
    from rayce.features.feature_set import ALWAYS, OPTIONAL

    on = {family.name for family in _features(settings).families}
    for family in (*ALWAYS, *OPTIONAL):
        state = "always on" if family in ALWAYS else "on" if family.name in on else "off"
        typer.echo(f"{family.name} ({state})\n  of: {', '.join(sorted(family.types))}")
        for label, names in (("numbers", family.numbers), ("words", family.words)):
            if names:
                typer.echo(f"  {label}: {', '.join(names)}")


@features.command("check")
def check_features(file: Annotated[Path, typer.Argument(help="A catalogue of features (YAML).")]) -> None:
    """Check a catalogue as rayce would load it. Exit code 1, with key and value, where it does not hold together."""
    from rayce.errors import InvalidCatalogue
    from rayce.features.catalogue import load_features

    try:
        found = load_features(file)
    except InvalidCatalogue as error:
        _refuse(file, error)
    typer.echo(
        f"{file}: {len(found.families)} families ({', '.join(family.name for family in found.families)}),"
        f" {len(found.numbers)} numbers, {len(found.words)} words"
    )


@keys.command("add")
def add_key(
    name: Annotated[str, typer.Argument(help="Who gets it: letters, digits, `_`, `.`, `-`.")],
    tenant: Annotated[str, typer.Option(help="Whose users and items it sees.")],
    scopes: Annotated[
        str, typer.Option(help="Of those in docs/http.md, with commas between them.")
    ] = "events,page,consent",
    rate: Annotated[
        float | None, typer.Option(min=0, help="Requests a second; 0: no limit. Else the settings'.")
    ] = None,
    burst: Annotated[float | None, typer.Option(min=0, help="Requests at once after a pause.")] = None,
    priority: Annotated[
        str, typer.Option(help="The highest it may have: interactive, prefetch, bulk.")
    ] = "interactive",
    until: Annotated[str, typer.Option(help="When it ends, as 2026-12-01T00:00:00Z.")] = "",
    settings: SettingsFile = None,
) -> None:
    """Make a new key and print it, this once: only its hash is kept. Edges know it within a second or so."""
    import secrets
    import time

    from msgspec import ValidationError, convert

    from rayce import api_keys
    from rayce.errors import RayceError
    from rayce.settings import ApiKey

    key = api_keys.make_key(secrets.token_bytes(api_keys.RANDOM_BYTES))
    row: dict[str, object] = {"sha256": api_keys.hash_of(key), "tenant": tenant, "until": until, "priority": priority}
    row |= {"scopes": [scope.strip() for scope in scopes.split(",")], "rate_per_s": rate, "burst": burst}
    try:
        api_keys.add_key(_durable(settings), name, convert(row, ApiKey), time.time_ns() // 1_000_000)
    except (RayceError, ValidationError) as error:
        _fail(error)
    typer.echo(key)


@keys.command("revoke")
def revoke_key(name: Annotated[str, typer.Argument(help="Its name.")], settings: SettingsFile = None) -> None:
    """Take a key away: edges refuse it within a second or so. Keys of the settings are not touched."""
    import time

    from rayce import api_keys
    from rayce.errors import RayceError

    try:
        number = api_keys.revoke_key(_durable(settings), name, time.time_ns() // 1_000_000)
    except RayceError as error:
        _fail(error)
    typer.echo(f"revoked: {name} (generation {number})")


@keys.command("list")
def list_keys(settings: SettingsFile = None) -> None:
    """The keys that were added: never the keys themselves, nor their hashes."""
    from rayce import api_keys
    from rayce.errors import RayceError

    try:
        found = api_keys.live_keys(_durable(settings))
    except RayceError as error:
        _fail(error)
    for name, key in sorted(found.items()):
        rate = "" if key.rate_per_s is None else f", {key.rate_per_s:g}/s" if key.rate_per_s else ", no limit"
        lowered = "" if key.priority == "interactive" else f", at most {key.priority}"
        ends = f", until {key.until}" if key.until else ""
        typer.echo(f"{name}: tenant {key.tenant}, {'+'.join(key.scopes)}{rate}{lowered}{ends}")


SlotsFile = Annotated[Path, typer.Argument(help="A slots document (YAML).")]
Tenant = Annotated[str, typer.Option("--tenant", help="Whose it is.")]


@slots.command("check")
def check_slots(file: SlotsFile, settings: SettingsFile = None) -> None:
    """Check a slots document as rayce would load it: what each slot does, and the odds of each arm.

    Exit code 1, with key and value, where it does not hold together or names a segment that the catalogue does not have.
    """
    from rayce.slots.summary import summary

    book = _slots(file, settings)[0]
    typer.echo(f"{file}: {len(book.slots)} slots, policy {book.policy}")
    for line in summary(book.slots):
        typer.echo(line)


@slots.command("activate")
def activate_slots(file: SlotsFile, tenant: Tenant, settings: SettingsFile = None) -> None:
    """Make a slots document live: every edge takes it up within a second or so, without a restart."""
    import time

    from rayce.documents import SLOTS, activate_document
    from rayce.errors import RayceError
    from rayce.slots.book import parse_slots

    book, text = _slots(file, settings)
    try:
        now_ms = time.time_ns() // 1_000_000
        number = activate_document(_durable(settings), tenant, SLOTS, text, parse_slots, now_ms)
    except RayceError as error:
        _fail(error)
    typer.echo(f"live: generation {number}, policy {book.policy}")


@slots.command("rollback")
def roll_back_slots(tenant: Tenant, settings: SettingsFile = None) -> None:
    """Make the slots document live again that was so before the present one."""
    from rayce.documents import SLOTS, roll_back_document
    from rayce.errors import RayceError
    from rayce.slots.book import parse_slots

    try:
        number = roll_back_document(_durable(settings), tenant, SLOTS, parse_slots)
    except RayceError as error:
        _fail(error)
    typer.echo(f"live again: generation {number}")


@slots.command("live")
def live_slots(
    tenant: Tenant,
    settings: SettingsFile = None,
    text: Annotated[bool, typer.Option("--text", help="The document itself.")] = False,
) -> None:
    """Which slots document is live, and since when."""
    from datetime import UTC, datetime

    from rayce.documents import SLOTS, live_document
    from rayce.errors import RayceError
    from rayce.slots.book import parse_slots

    try:
        found = live_document(_durable(settings), tenant, SLOTS)
        policy = parse_slots(found.text).policy if found else ""
    except RayceError as error:
        _fail(error)
    if found is None:
        typer.echo("nothing was activated: there are no slots")
    elif text:
        typer.echo(found.text, nl=False)
    else:
        since = datetime.fromtimestamp(found.activated_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        typer.echo(f"generation {found.number}, policy {policy}, activated {since}")


def _slots(file: Path, settings: Path | None) -> "tuple[SlotBook, str]":
    """The document in a file, checked against the segments that are live (the settings' where no store tells)."""
    from rayce.errors import InvalidInput, Unavailable
    from rayce.live_catalogue import activated
    from rayce.slots.book import parse_slots

    durable, catalogue = _stores(settings)
    try:
        known = activated(durable, catalogue.features)
        catalogue = known.catalogue if known else catalogue
    except Unavailable as error:
        typer.echo(f"segments are checked against the settings' catalogue: {error}", err=True)
    except InvalidInput as error:
        _fail(error)
    try:
        text = file.read_text(encoding="utf-8")
        book = parse_slots(text)
        book.check_segments(catalogue)
    except InvalidInput as error:
        _refuse(file, error)
    except (OSError, UnicodeDecodeError) as error:
        _fail(error)
    return book, text


RulesFile = Annotated[Path, typer.Argument(help="The rules (YAML).")]


@rules.command("check")
def check_rules(
    file: RulesFile,
    tenant: Annotated[str, typer.Option("--tenant", help="Whose requests --sample takes.")] = "",
    sample: Annotated[int, typer.Option(min=0, help="Try them on so many of the last logged requests.")] = 0,
    settings: SettingsFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of tables.")] = False,
) -> None:
    """Check rules as rayce would load them. Exit code 1, with key and value, where they do not hold together.

    With --sample also what they would change, side by side: lists by the rules that are live and by these.
    """
    from msgspec import json

    if sample and not tenant:
        _fail(ValueError("--sample needs --tenant: whose requests?"))
    durable, catalogue = _segments_now(settings)
    found = _rules(file, catalogue)
    compared = _compared(durable, found, catalogue, tenant, sample, settings) if sample else None
    if as_json:
        told = {"file": str(file), "rules": len(found.rules), "notes": found.notes, "sample": compared}
        typer.echo(json.encode(told).decode())
        return
    off = len(found.all) - len(found.rules)
    typer.echo(f"{file}: {len(found.rules)} rules" + (f" and {off} that are off" if off else ""))
    for note in found.notes:
        typer.echo(f"note: {note}")
    if compared is not None:
        from rich.console import Console

        from rayce.rules_page import show

        show(compared, Console(file=sys.stdout))


@rules.command("activate")
def activate_rules(file: RulesFile, tenant: Tenant, settings: SettingsFile = None) -> None:
    """Make rules live: every ranker and edge takes them up within a second or so, without a restart."""
    import time

    from rayce.documents import RULES, activate_document
    from rayce.errors import RayceError
    from rayce.rules.rule_set import parse_rules

    durable, catalogue = _segments_now(settings)
    found = _rules(file, catalogue)
    try:
        text, now_ms = file.read_text(encoding="utf-8"), time.time_ns() // 1_000_000
        number = activate_document(durable, tenant, RULES, text, parse_rules, now_ms)
    except RayceError as error:
        _fail(error)
    for note in found.notes:
        typer.echo(f"note: {note}", err=True)
    typer.echo(f"live: generation {number}, {len(found.rules)} rules")


@rules.command("rollback")
def roll_back_rules(tenant: Tenant, settings: SettingsFile = None) -> None:
    """Make the rules live again that were so before the present ones."""
    from rayce.documents import RULES, roll_back_document
    from rayce.errors import RayceError
    from rayce.rules.rule_set import parse_rules

    try:
        number = roll_back_document(_durable(settings), tenant, RULES, parse_rules)
    except RayceError as error:
        _fail(error)
    typer.echo(f"live again: generation {number}")


@rules.command("live")
def live_rules(
    tenant: Tenant,
    settings: SettingsFile = None,
    text: Annotated[bool, typer.Option("--text", help="The rules themselves.")] = False,
) -> None:
    """Which rules are live, and since when."""
    from datetime import UTC, datetime

    from rayce.documents import RULES, live_document
    from rayce.errors import RayceError

    try:
        found = live_document(_durable(settings), tenant, RULES)
    except RayceError as error:
        _fail(error)
    if found is None:
        typer.echo("nothing was activated: there are no rules")
    elif text:
        typer.echo(found.text, nl=False)
    else:
        since = datetime.fromtimestamp(found.activated_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        typer.echo(f"generation {found.number}, activated {since}")


def _rules(file: Path, catalogue: "Catalogue") -> "RuleSet":
    """The rules in a file."""
    from rayce.errors import InvalidRules
    from rayce.rules.rule_set import load_rules

    try:
        return load_rules(file, catalogue)
    except InvalidRules as error:
        _refuse(file, error)


def _segments_now(settings: Path | None) -> "tuple[Durable, Catalogue]":
    """Durable memory, and the segments that are live (the settings' where no store tells)."""
    from rayce.errors import InvalidInput, Unavailable
    from rayce.live_catalogue import activated

    durable, catalogue = _stores(settings)
    try:
        known = activated(durable, catalogue.features)
        return durable, known.catalogue if known else catalogue
    except Unavailable as error:
        typer.echo(f"segments are checked against the settings' catalogue: {error}", err=True)
    except InvalidInput as error:
        _fail(error)
    return durable, catalogue


def _compared(
    durable: "Durable", new: "RuleSet", catalogue: "Catalogue", tenant: str, sample: int, settings: Path | None
) -> "Comparison | None":
    """The rules tried on logged requests; None, and a word about it, where there are none or a store does not answer."""
    from rayce.errors import InvalidInput, Unavailable
    from rayce.rules_trial import try_rules
    from rayce.settings import load_settings
    from rayce.stores.interfaces import DECISIONS
    from rayce.stores.kafka_log import LogReader

    try:
        kafka = load_settings(settings).kafka
        reader = LogReader(kafka, range(kafka.partitions), topic=DECISIONS, group="rayce-rules-check")
        try:
            found = try_rules(durable, reader, tenant, new, catalogue, sample)
        finally:
            reader.close()
    except Unavailable as error:
        typer.echo(f"not tried on anything: {error}", err=True)
        return None
    except InvalidInput as error:
        _fail(error)
    if found.requests:
        return found
    typer.echo(f"not tried on anything: no request of `{tenant}` with its candidates is in {DECISIONS}", err=True)
    return None


@app.command()
def version() -> None:
    """The version of this library."""
    from rayce import __version__

    typer.echo(f"rayce {__version__}")


def main() -> None:
    """Entry point of the command `rayce`."""
    app(prog_name="rayce")


RoutingFile = Annotated[Path, typer.Argument(help="A routing of models (YAML).")]


@models.command("check")
def check_models(file: RoutingFile) -> None:
    """Check a routing as rayce would load it, and say who gets what. Exit code 1, with key and value, where it is wrong."""
    from rayce.model_routing import DEFAULT

    found, _text = _routing(file)
    left = 1 - sum(portion.share for portion in found.split)
    for name, share in (*((portion.model, portion.share) for portion in found.split), (DEFAULT, left)):
        typer.echo(f"{share:7.2%} of the people: {name}")
    for portion in found.shadow:
        typer.echo(f"{portion.share:7.2%} of the people: {portion.model}, scored and never shown")


@models.command("activate")
def activate_models(file: RoutingFile, tenant: Tenant, settings: SettingsFile = None) -> None:
    """Make a routing live: every ranker takes it up within a second or so, without a restart."""
    import time

    from rayce.documents import MODELS, activate_document
    from rayce.errors import RayceError
    from rayce.model_routing import parse_routing

    _found, text = _routing(file)
    try:
        now_ms = time.time_ns() // 1_000_000
        number = activate_document(_durable(settings), tenant, MODELS, text, parse_routing, now_ms)
    except RayceError as error:
        _fail(error)
    typer.echo(f"live: generation {number}")


@models.command("rollback")
def roll_back_models(tenant: Tenant, settings: SettingsFile = None) -> None:
    """Make the routing live again that was so before the present one."""
    from rayce.documents import MODELS, roll_back_document
    from rayce.errors import RayceError
    from rayce.model_routing import parse_routing

    try:
        number = roll_back_document(_durable(settings), tenant, MODELS, parse_routing)
    except RayceError as error:
        _fail(error)
    typer.echo(f"live again: generation {number}")


@models.command("live")
def live_models(tenant: Tenant, settings: SettingsFile = None) -> None:
    """The routing that is live, as it was written."""
    from rayce.documents import MODELS, document_text
    from rayce.errors import RayceError

    try:
        text = document_text(_durable(settings), tenant, MODELS)
    except RayceError as error:
        _fail(error)
    typer.echo("nothing was activated: everybody gets `default`\n" if text is None else text, nl=False)


def _routing(file: Path) -> "tuple[Routing, str]":
    """The routing in a file, and its text."""
    from rayce.errors import InvalidInput
    from rayce.model_routing import parse_routing

    try:
        text = file.read_text(encoding="utf-8")
        return parse_routing(text), text
    except InvalidInput as error:
        _refuse(file, error)
    except (OSError, UnicodeDecodeError) as error:
        _fail(error)


def _durable(path: Path | None) -> "Durable":
    """Durable memory."""
    from rayce.errors import InvalidInput
    from rayce.settings import load_settings
    from rayce.stores.dynamo import DynamoStore

    try:
        loaded = load_settings(path)
        return DynamoStore(loaded.dynamodb, _flipped(loaded))
    except InvalidInput as error:
        _fail(error)


def _flipped(settings: "Settings") -> "Callable[[str, int], None]":
    """Tells every process what was made live."""
    import time

    from rayce.stores.kafka_models import FlipWriter

    return FlipWriter(settings.kafka, lambda: time.time_ns() // 1_000_000, lambda reason: typer.echo(reason, err=True))


def _stores(path: Path | None) -> "tuple[Durable, Catalogue]":
    """Durable memory, and the catalogue that counts until one is activated."""
    from rayce.errors import InvalidInput
    from rayce.segments.catalogue import load_catalogue
    from rayce.settings import load_settings
    from rayce.stores.dynamo import DynamoStore

    try:
        loaded = load_settings(path)
        return DynamoStore(loaded.dynamodb, _flipped(loaded)), load_catalogue(
            loaded.segments.catalogue, _features(path)
        )
    except InvalidInput as error:
        _fail(error)


def _features(path: Path | None) -> "FeatureSet":
    """The features that are on."""
    from rayce.errors import InvalidInput
    from rayce.features.catalogue import load_features
    from rayce.settings import load_settings

    try:
        return load_features(load_settings(path).features.catalogue)
    except InvalidInput as error:
        _fail(error)


def _tried(new: "Catalogue", sample: int, settings: Path | None) -> "DryRun | None":
    """The catalogue tried on a sample; None, and a word about it, where durable memory does not answer."""
    import time

    from rayce.errors import RayceError, Unavailable
    from rayce.live_catalogue import activated
    from rayce.sampling import sample_people
    from rayce.segment_models import SegmentModels, load_segment_models
    from rayce.segments.dry_run import dry_run

    durable, otherwise = _stores(settings)
    models: dict[str, SegmentModels] = {}

    def models_of(tenant: str) -> SegmentModels:
        if tenant not in models:
            models[tenant] = load_segment_models(durable, tenant, new.features)
        return models[tenant]

    try:
        known = activated(durable)
        people = sample_people(durable, sample)
        now_ms = time.time_ns() // 1_000_000
        return dry_run(people, known.catalogue if known else otherwise, new, models_of, now_ms)
    except Unavailable as error:
        typer.echo(f"not tried on anybody: {error}", err=True)
        return None
    except RayceError as error:
        _fail(error)


def _named(found: "Activated") -> str:
    from datetime import UTC, datetime

    since = datetime.fromtimestamp(found.manifest.activated_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return (
        f"generation {found.number}, version {found.catalogue.version}, {len(found.catalogue.segments)} segments,"
        f" activated {since}"
    )


def _refuse(file: Path, error: "InvalidInput") -> NoReturn:
    named = str(error) if str(error).startswith(str(file)) else f"{file}: {error}"
    typer.echo(f"{named}\n  file:  {file}\n  key:   {error.key or '-'}\n  value: {error.value!r}", err=True)
    raise typer.Exit(1) from None


def _fail(error: Exception) -> NoReturn:
    typer.echo(str(error), err=True)
    raise typer.Exit(1) from None


def _hand_on(command: str, module: str, arguments: list[str]) -> NoReturn:
    """Become `python -m module`, so that signals and the exit code are the program's own."""
    checkout = _checkout(module)
    if checkout is None:
        typer.echo(
            f"`rayce {command}` runs the program {module}, which is not part of the installed library: "
            "run it inside a checkout of rayce.",
            err=True,
        )
        raise typer.Exit(2)
    paths = [str(checkout), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", module, *arguments], environment)


def _checkout(module: str) -> Path | None:
    """Where the program lies: beside this library, or where we stand."""
    for folder in (Path(__file__).resolve().parent.parent, Path.cwd()):
        place = folder.joinpath(*module.split("."))
        if place.with_suffix(".py").is_file() or (place / "__main__.py").is_file():
            return folder
    return None


if __name__ == "__main__":
    main()
