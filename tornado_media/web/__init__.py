"""Tornado's side: a request becomes a walk through the stations, a representation becomes a response."""
