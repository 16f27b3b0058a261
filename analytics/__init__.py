"""Behaviour analytics: a store of events, imports into it, and reports from it."""
