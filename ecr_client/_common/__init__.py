"""Small helpers for all other modules, which import none of them."""
