"""Rows of results on disk, and the tables and figures made from them."""
