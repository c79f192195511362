from bench.clock import energy


def test_processors_are_added_up(tmp_path, monkeypatch):
    for number, microjoules in enumerate([1_500_000, 2_000_000]):
        folder = tmp_path / f"intel-rapl:{number}"
        folder.mkdir()
        (folder / "energy_uj").write_text(f"{microjoules}\n")
    monkeypatch.setattr(energy, "RAPL", tmp_path)
    assert energy.joules("cpu") == 3.5


def test_a_machine_without_counters(tmp_path, monkeypatch):
    monkeypatch.setattr(energy, "RAPL", tmp_path / "none")
    assert energy.joules("cpu") is None
    assert energy.driver_version("cpu") == ""
