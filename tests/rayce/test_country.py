"""Countries by address, from real files of both common shapes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.country import country_by_file, iso_country, nowhere
from rayce.errors import InvalidSettings
from tests.country_file import write_country_file

NETWORKS = {
    "203.0.113.0/24": {"country_code": "DE"},
    "198.51.100.0/25": {"country": {"iso_code": "AT"}},
    "2001:db8::/32": {"country_code": "FR"},
    "192.0.2.0/24": {"city": "none"},
    "192.0.3.0/24": {"country_code": 7},
}


def test_addresses_of_both_versions_are_told(tmp_path: Path) -> None:
    country_of = country_by_file(write_country_file(tmp_path / "c.mmdb", NETWORKS))
    assert [country_of(a) for a in ("203.0.113.9", "198.51.100.1", "2001:db8::1")] == ["DE", "AT", "FR"]


def test_what_is_unknown_or_no_address_has_no_country(tmp_path: Path) -> None:
    country_of = country_by_file(write_country_file(tmp_path / "c.mmdb", NETWORKS))
    for address in ("198.51.100.200", "10.0.0.1", "", "ada", "203.0.113.9:80", "1.2.3.4.5", "192.0.2.1", "192.0.3.1"):
        assert country_of(address) == ""
    assert nowhere("203.0.113.9") == ""


def test_a_file_that_is_none_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "empty.mmdb").write_bytes(b"no database")
    for name in ("empty.mmdb", "missing.mmdb"):
        with pytest.raises(InvalidSettings, match=r"edge\.country_file") as caught:
            country_by_file(tmp_path / name)
        assert caught.value.key == "edge.country_file"


@given(st.text(max_size=60))
def test_no_text_raises(text: str) -> None:
    assert iso_country(text) == "" or len(iso_country(text)) == 2
    try:
        assert nowhere(text) == ""
    except ValueError:
        pytest.fail("raised")
