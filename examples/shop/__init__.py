"""A small web shop that personalises with rayce: `rayce.client` on its server, `rayce.js` in its pages, nothing else of rayce.

It shows how a shop is meant to use rayce: it asks before it knows anybody, it works for people who decline, and it goes on
selling while rayce is away. `python -m examples.shop`, or `make shop`, beside a running `rayce up`; see docs/example-shop.md.
"""
