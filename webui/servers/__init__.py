"""IDCs, their masters, the servers and saved groups."""
