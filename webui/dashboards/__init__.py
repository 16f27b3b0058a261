"""Dashboards: cards of reports, people's notes on the time axis, saved segments."""
