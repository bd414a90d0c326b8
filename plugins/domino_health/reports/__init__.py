"""What a run leaves behind, a module a form."""
