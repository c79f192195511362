"""Samplers of the reference posteriors that this package makes itself, and the checks behind certificates.

``scorebench reference NAME`` makes a task's draws (``NAME.npz``) and its certificate (``NAME.json``), which
are stored in :mod:`tasks.stored`.
"""
