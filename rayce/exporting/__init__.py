"""What rayce knows, as files: events, recommendations, members of segments and items."""
