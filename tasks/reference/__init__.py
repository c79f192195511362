"""Reference posteriors that this package makes itself: how, what vouches for them, and the stored draws.

``NAME.npz`` holds a task's draws and ``NAME.json`` the certificate. ``scorebench reference NAME`` makes both.
"""
