"""The back end for requests and events: expressions to one Python code object, built as a syntax tree, never from text.

Each feature is read at most once an evaluation, and only where the outcome still depends on it.
"""

import ast
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from rayce.features.feature_set import ALL, FeatureSet
from rayce.profile import Profile
from rayce.segments.expression import AnyOf, Bound, Comparison, InSegment, Not, Rule, leaves

Test = Callable[[Profile, int], bool]
"""Whether a rule holds of a profile at a moment (ms)."""
Decider = Callable[[Profile, int], int]
"""The numbers of those rules that hold, or-ed."""

_OPERATORS: dict[str, type[ast.cmpop]] = {
    "ge": ast.GtE,
    "gt": ast.Gt,
    "le": ast.LtE,
    "lt": ast.Lt,
    "eq": ast.Eq,
    "ne": ast.NotEq,
    "in": ast.In,
}
_PROFILE, _NOW, _TOTAL = "profile", "now", "total"


def compile_rule(rule: Rule, features: FeatureSet = ALL) -> Test:
    """A test of one rule."""
    writer = _Writer([rule], features)
    return writer.function([ast.Return(writer.rule(rule))])


def compile_rules(rules: Sequence[tuple[Rule, int]], features: FeatureSet = ALL) -> Decider:
    """One function of many rules, each with the number it gives when it holds."""
    writer = _Writer([rule for rule, _number in rules], features)
    body: list[ast.stmt] = [ast.Assign([ast.Name(_TOTAL, ast.Store())], ast.Constant(0))]
    for rule, number in rules:
        give = ast.AugAssign(ast.Name(_TOTAL, ast.Store()), ast.BitOr(), ast.Constant(number))
        body.append(ast.If(writer.rule(rule), [give], []))
    return writer.function([*body, ast.Return(ast.Name(_TOTAL, ast.Load()))])


class _Writer:
    """Writes expressions in the order in which they are evaluated, and knows which features are read by then for sure."""

    def __init__(self, rules: Sequence[Rule], features: FeatureSet) -> None:
        self._features = features
        self._uses: Counter[str] = Counter()
        for rule in rules:
            for leaf in leaves(rule):
                self._uses[_source(leaf)] += len(leaf.bounds) if isinstance(leaf, Comparison) else 1
        self._numbers: dict[str, int] = {}
        self._written: set[str] = set()
        self._read: set[str] = set()
        self._uncertain: set[str] = set()
        self._names: dict[str, Any] = {"__builtins__": {}}

    def function(self, body: list[ast.stmt]) -> Callable[[Profile, int], Any]:
        """A function of profile and moment."""
        unread: list[ast.stmt] = [
            ast.Assign([ast.Name(name, ast.Store())], ast.Constant(None)) for name in sorted(self._uncertain)
        ]
        parameters = ast.arguments(
            posonlyargs=[], args=[ast.arg(_PROFILE), ast.arg(_NOW)], kwonlyargs=[], kw_defaults=[], defaults=[]
        )
        definition = ast.FunctionDef("rule", parameters, [*unread, *body], decorator_list=[])
        module = ast.fix_missing_locations(ast.Module([definition], type_ignores=[]))
        exec(compile(module, "<segment rules>", "exec"), self._names)
        made: Callable[[Profile, int], Any] = self._names["rule"]
        return made

    def rule(self, rule: Rule) -> ast.expr:
        """A rule, and after it what has been read whatever its outcome."""
        if isinstance(rule, Comparison):
            tests = [self._compare(rule, word, bound) for word, bound in rule.bounds]
            return tests[0] if len(tests) == 1 else ast.BoolOp(ast.And(), tests)
        if isinstance(rule, InSegment):
            return self._value(rule)
        if isinstance(rule, Not):
            return ast.UnaryOp(ast.Not(), self.rule(rule.rule))
        written = [self.rule(rule.rules[0])]
        sure = set(self._read)
        written += [self.rule(below) for below in rule.rules[1:]]
        self._read = sure  # the others may have been passed over
        operator: ast.boolop = ast.Or() if isinstance(rule, AnyOf) else ast.And()
        return written[0] if len(written) == 1 else ast.BoolOp(operator, written)

    def _compare(self, rule: Comparison, word: str, bound: Bound) -> ast.expr:
        constant = ast.Constant(bound)  # type: ignore[arg-type]  # a tuple of words is one as well
        return ast.Compare(self._value(rule), [_OPERATORS[word]()], [constant])

    def _value(self, leaf: Comparison | InSegment) -> ast.expr:
        """Reads the value, or takes the one that was read before."""
        source = _source(leaf)
        number = self._numbers.setdefault(source, len(self._numbers))
        function, name = f"read{number}", f"value{number}"
        self._names[function] = _reader(leaf, self._features)
        arguments: list[ast.expr] = [ast.Name(_PROFILE, ast.Load()), ast.Name(_NOW, ast.Load())]
        call = ast.Call(ast.Name(function, ast.Load()), arguments, [])
        if self._uses[source] == 1:
            return call
        if source in self._read:
            return ast.Name(name, ast.Load())
        read = ast.NamedExpr(ast.Name(name, ast.Store()), call)
        self._read.add(source)
        if source not in self._written:
            self._written.add(source)
            return read
        self._uncertain.add(name)
        known = ast.Compare(ast.Name(name, ast.Load()), [ast.IsNot()], [ast.Constant(None)])
        return ast.IfExp(known, ast.Name(name, ast.Load()), read)


def _source(leaf: Comparison | InSegment) -> str:
    return leaf.feature if isinstance(leaf, Comparison) else f"in_segment {leaf.segment}"


def _reader(leaf: Comparison | InSegment, features: FeatureSet) -> Callable[[Profile, int], object]:
    if isinstance(leaf, Comparison):
        return features.words[leaf.feature] if leaf.categorical else features.numbers[leaf.feature]
    bit, short_lived = leaf.bit, leaf.short_lived
    return lambda profile, now_ms: is_member(profile, bit, short_lived, now_ms)


def is_member(profile: Profile, bit: int, short_lived: bool, now_ms: int) -> bool:
    """Whether the profile's flags say so at the moment."""
    if short_lived:
        return any(at == bit and now_ms < until_s * 1000 for at, until_s in profile.short_lived)
    return bool(profile.flags >> bit & 1)
