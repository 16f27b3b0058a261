"""The pages of the module catalogue."""
