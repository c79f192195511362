import pytest
import torch

from bench.studies.inflationary import ToyFlow, map_row, maps
from methods.learning.sizes import Sizes


def test_what_an_untrained_flow_does(untrained):
    row = map_row(untrained, 2000)
    assert row["round_trip"] < 1e-6
    assert row["latent_round_trip"] < 1e-6
    assert row["pr_latent"] == pytest.approx(row["pr_expected"], rel=0.02)
    assert row["inside"] == row["inside_again"] == 1.0
    # Two circles and their images under this flow are not normal: 0.16, minus 4.5 standard errors of 2000.
    assert row["radius_error"] > 0.16 - 4.5 * 0.5 / 2000**0.5


@pytest.mark.slow
def test_training_makes_the_data_more_normal(untrained, monkeypatch):
    monkeypatch.setattr(maps, "OUTLINE", 300)  # `inside`, which needs exact outlines, is not looked at here
    trained = ToyFlow.fit("circles", untrained.keep, Sizes(128, 3, 1500, 512, 0), 2000).by("heun", 20)
    row = map_row(trained, 5000)
    # Two shares of the same 5000 points differ by a standard error of 0.008. Training reduces the value by
    # 0.03 to 0.07, depending on the seed; narrower networks or fewer steps hardly reduce it.
    assert row["radius_error"] < map_row(untrained, 5000)["radius_error"]
    assert row["schedule"] == ("PRP" if untrained.keep is None else "PRR 2→1")


def test_fewer_steps_lose_more(untrained):
    torch.manual_seed(0)
    torch.nn.init.normal_(untrained.flow.denoise.mlp.last.weight)
    rows = [map_row(untrained.by("euler", steps), 200) for steps in (20, 200)]
    assert rows[0]["round_trip"] > 5 * rows[1]["round_trip"]
    assert [row["solver"] for row in rows] == ["euler 20", "euler 200"]
