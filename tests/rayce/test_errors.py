"""The errors: one tree, each says what its catcher does, all survive pickling."""

import inspect
import pickle

import pytest

from rayce import errors
from rayce.errors import Fenced, InvalidInput, RayceError, Unavailable

ALL = [kind for _name, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == errors.__name__]


def _example(kind: type[RayceError]) -> RayceError:
    if issubclass(kind, InvalidInput):
        return kind("no good", "$.items[0]", {"quantity": -1})
    if kind is Unavailable:
        return Unavailable("redis", "timed out")
    if kind is Fenced:
        return Fenced(3, 7)
    return kind("reason")


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_error_survives_pickling_with_its_reason(kind: type[RayceError]) -> None:
    sent = _example(kind)
    came = pickle.loads(pickle.dumps(sent))
    assert type(came) is kind
    assert str(came) == str(sent) and str(came)
    assert vars(came) == vars(sent) and came.args == sent.args


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_error_is_in_the_tree_and_says_what_to_do(kind: type[RayceError]) -> None:
    assert issubclass(kind, RayceError)
    assert (kind.__doc__ and len(kind.__doc__.split(". ")) > 1) or ":" in (kind.__doc__ or "")


def test_unavailable_and_fenced_say_which() -> None:
    assert str(Unavailable("kafka", "gone")) == "kafka is unavailable: gone"
    assert str(Fenced(3, 7)) == "partition 3 is no longer owned at epoch 7"
