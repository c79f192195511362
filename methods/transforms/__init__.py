"""Invertible or fixed maps of theta and x that come before a network."""
