"""Adapters of methods of the package sbi to this suite's contract."""

from methods.sbi.posteriors import FMPE, NPE, NPSE
from methods.sbi.surrogates import NLE, NRE

__all__ = ["FMPE", "NLE", "NPE", "NPSE", "NRE"]
