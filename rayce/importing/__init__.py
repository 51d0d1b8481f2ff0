"""History from files: Parquet, CSV and JSON lines become events and items, on the edge's own path and counted once."""
