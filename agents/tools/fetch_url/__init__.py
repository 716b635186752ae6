"""Reading a page of the public internet."""
