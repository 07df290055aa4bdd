"""Writes the blocking client from the sources of the async one, and the types of the raw view."""
