"""A master's configuration."""


class ConfigError(Exception):
    """The configuration cannot be used. The text names file, key, value and what to write; show it and end with 2."""
