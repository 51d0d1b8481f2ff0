"""rayce: real-time personalization on Ray. The library: values and rules in, values and rules out; it never imports Ray."""

__version__ = "0.1.0"
