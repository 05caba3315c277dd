"""Owning children: starting, joining, reading, ending and reaping the processes of a job.

Everything that runs outside the server process is started and ended here, and nowhere else.
"""
