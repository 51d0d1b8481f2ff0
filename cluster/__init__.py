"""Long-lived programs: bring-up of the cluster and of the local stack, the streaming actors, their supervisor."""
