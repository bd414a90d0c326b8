"""Fact types: what is kept of what was observed, a module a source.

A fact type is an allow-list. It is a frozen ``msgspec.Struct`` that decodes straight from a source's
bytes and names only the fields that checks use: what it does not name is never read, kept or leaked.
"""
