"""Small helpers that every other module may use, and that use none of them."""
