"""``corral registry``: the embedded registry. One module per verb; each imports `corral.registry` when it runs."""
