"""One module per object of the API. Each begins with the narrow Protocol of the service that it needs, then lists its
routes as data, then has one short method per route: read the request, call the service, shape the answer.
"""
