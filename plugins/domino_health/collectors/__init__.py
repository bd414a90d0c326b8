"""Collectors go and look. They judge nothing, and they alone touch a network."""
