"""Rows of a table, or of a query, in MySQL or MariaDB; nothing is ever written there."""
