"""The lake: every record of the log for good, in Delta tables, appended exactly once by its position in Kafka."""
