"""Pages of reports: what is asked, its card with plot and table, its files, the users behind its numbers."""
