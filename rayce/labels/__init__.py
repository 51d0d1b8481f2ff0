"""Labels: what the models of segments shall foretell, declared in YAML beside the segment catalogue."""
