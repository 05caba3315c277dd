from tornado_media import engines
from tornado_media.presets import engines as known


def test_presets_know_the_engines_that_workers_have():
    """Two tables, because the server must not import the rooms of the decoders."""
    assert set(known.ENGINES) == set(engines.ENGINES)
