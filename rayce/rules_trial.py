"""A trial of rules before they are activated: on the last logged requests of a tenant, against the rules that are live."""

from rayce.documents import RULES, document_text
from rayce.errors import InvalidInput
from rayce.generations import generation_name
from rayce.item_words import SHELF
from rayce.recent_decisions import Reader, recent_decisions
from rayce.rules.comparison import Comparison, compare
from rayce.rules.rule_set import NO_RULES, RuleSet, parse_rules
from rayce.rules.sample import has_pool, requests_of
from rayce.segments.catalogue import Catalogue
from rayce.shelf import Shelf
from rayce.stores.interfaces import DurableGenerations


def try_rules(
    durable: DurableGenerations, reader: Reader, tenant: str, new: RuleSet, catalogue: Catalogue, most: int
) -> Comparison:
    """What `new` would change. `InvalidInput` where the tenant has no shelf yet; `Unavailable`."""
    name = generation_name(tenant, SHELF)
    number = durable.live(name).get(name)
    if number is None:
        raise InvalidInput(f"not tried on anything: no shelf of `{tenant}` is live", "tenant", tenant)
    shelf = Shelf.from_files(durable.load_generation(name, number))
    text = document_text(durable, tenant, RULES)
    old = NO_RULES if text is None else parse_rules(text)
    decisions = recent_decisions(reader, lambda each: each.tenant == tenant and has_pool(each), most)
    return compare(requests_of(decisions), shelf, old.bind(shelf, catalogue), new.bind(shelf, catalogue))
