"""An example of every call of the administration, as `deployments.edge.examples` has them of the others."""

from typing import Final

from deployments.edge.examples import Example

RULES_TEXT = """\
version: 1
rules:
  - name: milk-first
    boost: 2.0
    items: {category: [Dairy]}
"""

EXAMPLES: Final = {
    ("GET", "/admin/generations"): Example(
        "/admin/generations",
        reply={
            "generations": [{"kind": "rules", "live": 3, "kept": [1, 2, 3], "loaded": 3, "error": None}],
            "knowledge_age_s": 0.4,
        },
    ),
    ("PUT", "/admin/generations/{kind}"): Example(
        "/admin/generations/shelf", {"number": 1}, {"kind": "shelf", "generation": 1, "before": 2}
    ),
    ("GET", "/admin/keys"): Example(
        "/admin/keys",
        reply={
            "keys": [
                {
                    "name": "shop-page",
                    "tenant": "shop",
                    "scopes": ["events", "page", "consent"],
                    "rate_per_s": 2000.0,
                    "burst": None,
                    "priority": "interactive",
                    "until": "2027-01-01T00:00:00Z",
                    "source": "document",
                }
            ]
        },
    ),
    ("POST", "/admin/keys"): Example(
        "/admin/keys",
        {"name": "shop-app", "scopes": ["events", "page"], "rate_per_s": 500, "until": "2027-01-01T00:00:00Z"},
        {"name": "shop-app", "tenant": "shop", "key": "rk_…", "generation": 4},
    ),
    ("DELETE", "/admin/keys/{name}"): Example("/admin/keys/shop-page", reply={"name": "shop-page", "generation": 5}),
    ("POST", "/admin/purge"): Example(
        "/admin/purge",
        {"items": ["p1"], "slots": ["home"]},
        {"generation": 7, "surrogate_keys": ["i-0123456789ab", "s-0123456789ab"], "failed": {}},
    ),
    ("GET", "/admin/{kind}"): Example("/admin/rules"),
    ("PUT", "/admin/{kind}"): Example(
        "/admin/rules",
        RULES_TEXT,
        {"kind": "rules", "generation": 4, "before": 3, "is_live": True, "notes": ["1 rules"]},
    ),
    ("POST", "/admin/{kind}/rollback"): Example(
        "/admin/rules/rollback",
        reply={"kind": "rules", "generation": 3, "before": 4, "is_live": True, "notes": []},
    ),
}
