"""The settings as a page: every knob with its variable, its default, and why one would turn it.

`rayce settings` prints it for a terminal, `rayce settings --markdown` as `docs/settings.md` (a test compares the two).
"""

from collections.abc import Iterator
from textwrap import fill

import msgspec

from rayce.settings import FILE_VARIABLE, PREFIX, ApiKey, Settings, knobs

_HEAD = """# Settings

<!-- Made by `rayce settings --markdown > docs/settings.md`; a test fails when it is out of date. -->

One tree: the defaults below, then one YAML file ({file} names it, or a program's `--settings`), then the
environment. An unknown key is an error that names it, and so is a value of the wrong type.

```yaml
redis:
  url: redis://127.0.0.1:6379/0
stream:
  max_workers: 2
```

In the environment a knob is named by its path: `{example}=2`. Values are read as YAML, so lists and
maps work too, and a text that looks like a number needs quotes of its own: `{password}='"0815"'`.
Secrets belong into the environment.
"""

_API_KEY = """
Each entry of `edge.api_keys` is a caller:

| field | default | meaning |
|---|---|---|
"""

_API_KEY_MEANING = {
    "sha256": 'SHA-256 of the key in hexadecimal: `printf %s "$key" | sha256sum`. The key itself is kept nowhere.',
    "tenant": "Whose users and items the caller sees. Another tenant's are not there for it.",
    "scopes": "`events`: send events; `page`, `read`: ask; `consent`, `write`: say; `admin`, `operator`: administer.",
    "rate_per_s": "Requests a second over all replicas, instead of `edge.rate_per_s`; 0: no limit.",
    "burst": "Requests that may come at once after a pause, instead of `edge.burst`.",
    "priority": "The highest priority its requests may have: `prefetch` or `bulk` for programs that can wait.",
    "until": "When it ends, as `2026-12-01T00:00:00Z`; empty: never.",
}


def variable(path: str) -> str:
    """The environment variable of a knob.

    >>> variable("redis.url")
    'RAYCE_REDIS__URL'
    """
    return PREFIX + path.upper().replace(".", "__")


def text() -> str:
    """Every knob for a terminal: path, variable, default, reason."""
    return "\n".join(
        f"{path} = {_shown(default)}\n{fill(why, 100, initial_indent='    ', subsequent_indent='    ')}\n"
        f"    {variable(path)}\n"
        for path, default, why in knobs()
    )


def markdown() -> str:
    """`docs/settings.md`."""
    head = _HEAD.format(
        file=f"`{FILE_VARIABLE}`", example=variable("stream.max_workers"), password=variable("kafka.sasl_password")
    )
    return head + "".join(_section(entry) for entry in msgspec.structs.fields(Settings))


def _section(section: msgspec.structs.FieldInfo) -> str:
    lines = [
        f"\n## {section.name}\n\n{section.type.__doc__}\n\n| knob | default | why one would turn it |\n|---|---|---|\n"
    ]
    lines += [
        f"| `{path}`<br>`{variable(path)}` | {_cell(default)} | {_escaped(why)} |\n"
        for path, default, why in knobs(section.type, f"{section.name}.")
    ]
    return "".join(lines) + (_API_KEY + "".join(_caller_fields()) if section.name == "edge" else "")


def _caller_fields() -> Iterator[str]:
    for entry in msgspec.structs.fields(ApiKey):
        default = "" if entry.required else _cell(entry.default)
        yield f"| `{entry.name}` | {default} | {_escaped(_API_KEY_MEANING[entry.name])} |\n"


def _cell(default: object) -> str:
    shown = _shown(default)
    return f"`{shown}`" if shown else ""


def _shown(default: object) -> str:
    if default is None or default == {}:
        return ""
    if isinstance(default, bool):
        return "true" if default else "false"
    return ", ".join(map(str, default)) if isinstance(default, tuple) else str(default)


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|")
