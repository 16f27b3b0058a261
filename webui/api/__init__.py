"""The JSON API: the same acts as the forms and the command line, with a token."""
