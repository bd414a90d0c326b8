"""A small Domino platform on loopback, for the demo and the tests. Everything in it is a fake, and says so."""
