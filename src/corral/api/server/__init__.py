"""The API server: HTTP requests in, calls of the engine's services, Docker-shaped answers out.

`app.App` finds the route and turns errors into answers; `routers` holds one module per object, each of which begins
with the narrow Protocol of what it needs, so that nothing here imports the engine. `http` knows nothing of Docker.
May import `corral.api.types`, `corral.errors` and the standard library; only `corral.daemon` imports it.
"""
