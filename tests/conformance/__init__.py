"""Other people's clients and engines as judges: the docker command line client, docker-py, and Docker's own answers."""
