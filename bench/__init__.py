"""Races: the same jobs, driven by the same docker command line client, against corral and its peers in one run."""
