"""Programs that use rayce as a shop would: through its HTTP API only."""
