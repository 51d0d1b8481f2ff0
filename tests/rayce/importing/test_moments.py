"""A moment of a file that no event can have is refused with what stands in the file."""

import pytest

from rayce.errors import InvalidInput
from rayce.importing.moments import moment_reader


@pytest.mark.parametrize("text", ["2999-12-31", "1969-12-31T23:59:59"])
def test_a_moment_that_no_event_can_have_is_refused_as_it_stands_in_the_file(text: str) -> None:
    with pytest.raises(InvalidInput, match="before 1970 or after 2099") as caught:
        moment_reader("when")({"when": text})
    assert (caught.value.key, caught.value.value) == ("when", text)
