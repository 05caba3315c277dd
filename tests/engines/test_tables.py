from tornado_media import engines
from tornado_media.presets import engines as known
from tornado_media.presets.planners import PLANNERS


def test_presets_know_the_engines_that_workers_have():
    """Two tables, because the server must not import the rooms of the decoders."""
    of_planners = {engine for planner in PLANNERS.values() for engine in planner.engines}
    assert {*known.ENGINES, *of_planners} == set(engines.ENGINES)
