"""Containers: record, status and its transitions, store, and one module per verb.

A verb is a function of the `context.Engine` (a bundle of stores, drivers and services without logic), the reference
that the user gave, and the arguments of the API. `service.ContainerService` gathers them for the routers. Verbs that
change a container's life hold its lock (`live.Live.lock`), and no wider one; reading verbs hold none. What is not
here: the runtime spec (``engine.spec``), files of logs (``engine.logger``), anything about HTTP.
"""
