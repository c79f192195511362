"""Tasks whose prior is a small generator of 8×8 images of digits.

The generators and a classifier were trained on scikit-learn's bundled images, and their weights are stored.
``python -m tasks.digits.train`` regenerates the weights.
"""

from tasks.digits.label_task import DigitsLabel, DigitsLabel8
from tasks.digits.prior_task import DigitsPrior, DigitsPrior8, DigitsPriorFlow8

__all__ = ["DigitsLabel", "DigitsLabel8", "DigitsPrior", "DigitsPrior8", "DigitsPriorFlow8"]
