"""What may be asked: presets as data, checked when the server starts, and the plan that a request becomes.

Third station of a request. Values in, values out: no I/O, no processes, no Tornado.
"""
