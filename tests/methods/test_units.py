"""Every method gives the same result in other units of theta and x, and for columns in another order."""

from itertools import combinations, product

import pytest
import torch
from torch.distributions import Independent, Uniform

import methods
from bench.metrics import c2st

SMALL = {
    "denoiser": "denoiser[training_steps=300,num_emulated=1000,width=32,depth=2]",
    "exact_score": "exact_score",
    "exact_score_net": "exact_score_net[num_labels=5000,training_steps=400,width=48,depth=3]",
    "fmpe": "fmpe[max_num_epochs=150,training_batch_size=50,learning_rate=0.001]",
    "inflationary": "inflationary[training_steps=300,width=32,depth=2]",
    "learned_likelihood": "learned_likelihood[training_steps=100,steps=60]",
    "nle": "nle[max_num_epochs=20,training_batch_size=50,warmup_steps=20]",
    "npe": "npe[max_num_epochs=20,training_batch_size=50]",
    "npse": "npse[max_num_epochs=25,training_batch_size=50,steps=100]",
    "nre": "nre[max_num_epochs=45,training_batch_size=50,warmup_steps=50]",
    "one_pass": (
        "one_pass[training_steps=300,num_emulated=0,width=32,depth=2,num_labels=4000,student_steps=300]"
    ),
    "outsourced": "outsourced[training_steps=300,width=32,depth=2,balance_steps=0,candidates=1]",
    "prior": "prior",
    "rejection_abc": "rejection_abc[num_accepted=40]",
}
NAMES = [
    name for name in methods.names() if name != "reference"
]  # The reference is not fitted on simulations.
NUM, DRAWN = 600, 400
# The units of theta and x, and the constant that is added to both, in these units.
CHANGE = (1e-12, 1e12, 1e3)
COSTLY = [(1e12, 1e-12, 0.0), (1e-21, 1e-21, 0.0), (1.0, 1e-12, 0.0), (1.0, 1.0, 1e3), (1e-12, 1e12, -1e3)]
QUICK = {"exact_score", "inflationary", "prior", "rejection_abc"}  # The costly changes are made for these.
# Methods of sbi. Their adapter standardises theta and x in some units only, so another network is trained.
SBI = {"fmpe", "nle", "npe", "npse", "nre"}
# Its acceptances amplify rounding until chains are as far apart as independent ones.
CHAINS = {"learned_likelihood"}
# All other methods see the same numbers in all units, up to the rounding of values near 1000, which is 3e-4
# of a posterior's standard deviation. Trainings amplify it to 1e-3. Independent normal draws differ by 0.95.
ROUNDING = 0.02
# Standard error of a C2ST of as many draws at chance. It is larger than that at any other score.
ERROR = (0.25 / (2 * DRAWN)) ** 0.5
# Number of fits with other seeds. Short fits of npse differ most from each other. Fits of fmpe must not be
# shorter than here: their error would depend on the units that the network sees.
OTHERS = {"npse": 2}


def draws(name, unit_theta=1.0, unit_x=1.0, constant=0.0, columns=(0, 1, 2), rows=None, huge=False, seed=0):
    """Samples in ordinary units, where theta and x = theta + noise are given in others.

    The third column of x is noise. If asked for, the simulator returns 1e38 in a corner of the prior.
    Another seed gives another fit and other draws of it, on the same simulations.
    """
    torch.manual_seed(0)
    theta = 2.0 * torch.rand(NUM, 2).double() - 1.0
    x = torch.cat([theta + 0.2 * torch.randn(NUM, 2), torch.randn(NUM, 1)], dim=1)[:, list(columns)]
    if huge:
        x[(theta[:, 0] < 0.0) & (theta[:, 1] < -0.9)] = 1e38
    x_o = torch.tensor([[0.4, -0.3, 0.1]]).double()[:, list(columns)]
    rows = torch.arange(NUM) if rows is None else rows
    low = (unit_theta * (constant + torch.tensor([-1.0, -1.0]).double())).float()
    high = (unit_theta * (constant + torch.tensor([1.0, 1.0]).double())).float()
    prior = Independent(Uniform(low, high), 1)
    simulations = (unit_theta * (theta + constant)).float()[rows], (unit_x * (x + constant)).float()[rows]
    posterior = methods.get(SMALL[name]).fit(prior, *simulations, seed=seed)
    torch.manual_seed(1 + seed)
    found = posterior.sample((DRAWN,), x=(unit_x * (x_o + constant)).float())
    return (found.double() / unit_theta - constant).float()


@pytest.fixture(scope="module")
def ordinary():
    """Samples of a method in ordinary units, which all its tests share."""
    known = {}

    def of(name):
        if name not in known:
            known[name] = draws(name)
        return known[name]

    return of


@pytest.fixture(scope="module")
def noise(ordinary):
    """The C2ST that two fits of a method with different seeds may have, with four of its standard errors.

    The score that is compared with it has the same standard error.
    """
    known = {}

    def of(name):
        if name not in known:
            fits = [ordinary(name), *(draws(name, seed=1 + k) for k in range(OTHERS.get(name, 1)))]
            scores = [c2st(*pair) for pair in combinations(fits, 2)]
            known[name] = max(0.5, *scores) + 4.0 * 2.0**0.5 * ERROR
        return known[name]

    return of


def apart(one, other):
    """Median difference of draws from the same noise, in standard deviations of the first."""
    return float(((one - other).abs().median(dim=0).values / one.std(dim=0)).max())


def cases():
    for name in NAMES:
        yield pytest.param(name, CHANGE, marks=[] if name in QUICK else [pytest.mark.slow])
    yield from (pytest.param(*case, marks=pytest.mark.slow) for case in product(sorted(QUICK), COSTLY))


def test_every_method_is_among_them():
    assert set(NAMES) == set(SMALL)


@pytest.mark.parametrize(("name", "change"), cases())
def test_units_and_large_constants_do_not_matter(name, change, ordinary, noise, recwarn):
    changed = draws(name, *change)
    if name in SBI | CHAINS:
        assert c2st(ordinary(name), changed) < noise(name)
    else:
        assert apart(ordinary(name), changed) < ROUNDING


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in QUICK else [pytest.mark.slow]) for n in NAMES if n != "prior"]
)
def test_the_bounds_tell_a_fit_from_the_prior(name, ordinary, noise, recwarn):
    """A method that returned the prior in some units would not pass the tests of this file."""
    assert c2st(ordinary(name), ordinary("prior")) > noise(name)
    assert apart(ordinary(name), ordinary("prior")) > 10.0 * ROUNDING


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in QUICK else [pytest.mark.slow]) for n in NAMES]
)
def test_the_order_of_columns_and_simulations_does_not_matter(name, ordinary, noise, recwarn):
    rows = torch.randperm(NUM, generator=torch.Generator().manual_seed(5))
    assert c2st(ordinary(name), draws(name, columns=(2, 0, 1), rows=rows)) < noise(name)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in QUICK else [pytest.mark.slow]) for n in NAMES if n != "prior"]
)
def test_a_few_huge_simulations_do_not_undo_a_fit(name, ordinary, noise, recwarn):
    """Before, the standard deviation of x was so large that all other simulations looked equal."""
    assert c2st(ordinary(name), draws(name, huge=True)) < noise(name)
