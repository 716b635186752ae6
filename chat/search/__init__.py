"""Full-text search: what is found, how it is indexed, and by what it is asked."""
