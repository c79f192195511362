"""Small generators of 8×8 digits and a classifier, trained on scikit-learn's bundled images.

``python -m tasks.digits.train`` makes the stored weights again; :mod:`tasks.digits_prior` is a task that
stands on them.
"""
