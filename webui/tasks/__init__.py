"""Tasks: what a person asked for, how it is shared out, and what each server said."""
