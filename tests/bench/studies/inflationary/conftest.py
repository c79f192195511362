import pytest

from bench.studies.inflationary import ToyFlow, toy
from methods.inflationary import InflationaryFlow, InflationNetwork, InflationSchedule
from methods.transforms.whitening import Whitening


@pytest.fixture(params=[None, 1], ids=["preserving", "reducing"])
def untrained(request):
    """Maps of circles by an untrained network, which treats all data as normal; they are valid maps."""
    plan = {"rho": 2.0, "end": 7.01, "start_noise": 5e-4}
    schedule = (
        InflationSchedule.preserving(2, **plan)
        if request.param is None
        else InflationSchedule.reducing(2, 1, gap=1.02, **plan)
    )
    flow = InflationaryFlow(InflationNetwork(schedule, 0, 4, 1), schedule, "heun", 20)
    return ToyFlow("circles", request.param, Whitening.fit(toy("circles", 500, "train")[0]), flow)
