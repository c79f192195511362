"""Rows on disk, and what is made of them: tables and figures."""
