"""The kinds of networks: ``bridge``, ``host``, ``null``.

Each implements ``network.driver.Driver``; none knows another.
"""
