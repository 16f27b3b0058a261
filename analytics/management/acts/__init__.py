"""The acts of manage.py dataset: each declares its options, and says by `do` which function does it."""
