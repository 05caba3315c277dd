"""Work that runs: slots, deadlines, and the one door to a job."""
