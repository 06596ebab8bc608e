"""Several connections to one server, and what they do at the same time."""
