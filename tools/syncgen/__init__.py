"""Writes the blocking client from the sources of the async one."""
