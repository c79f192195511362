"""Small generators of 8×8 digits and a classifier, trained on scikit-learn's bundled images.

``python -m tasks.digits.train`` makes the stored weights again; :mod:`tasks.digits.prior_task` is a task that
stands on them.
"""

from tasks.digits.label_task import DigitsLabel, DigitsLabel8
from tasks.digits.prior_task import DigitsPrior, DigitsPrior8, DigitsPriorFlow8

__all__ = ["DigitsLabel", "DigitsLabel8", "DigitsPrior", "DigitsPrior8", "DigitsPriorFlow8"]
