"""Bytes that nobody has checked, at every door that they can come through."""
