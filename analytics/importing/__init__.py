"""Bring behaviour rows into the store: from CSV, MySQL or MariaDB, Parquet, or the generator."""
