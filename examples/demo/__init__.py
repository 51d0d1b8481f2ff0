"""The demo shop: real baskets through the whole loop, and a page to watch it and to click in (`python -m examples.demo`).

It is a customer of rayce: it imports `rayce.client` and nothing else, and starts the other programs by name.
"""
