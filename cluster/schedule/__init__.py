"""The scheduler: submits the jobs that the settings name, when they are due."""
