"""The marketer's rules: YAML in, and a ranked list rearranged by filter, boost, bury, pin, cap, diversify and freshness."""
