"""Pages of datasets: what is connected, imports with a preview, schedules, one user's timeline."""
