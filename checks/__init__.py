"""What healthy means: pytest modules of checks, one a concern."""
