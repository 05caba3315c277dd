"""Bytes that are sent or kept, and what is known of them."""
