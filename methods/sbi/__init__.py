"""sbi's methods behind this suite's contract."""

from methods.sbi.posteriors import FMPE, NPE, NPSE
from methods.sbi.surrogates import NLE, NRE

__all__ = ["FMPE", "NLE", "NPE", "NPSE", "NRE"]
