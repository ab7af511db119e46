"""The HTTP face: from a request line to one of the specification's endpoints, and from what that raises to an answer.

`routes` reads paths, `service` holds what endpoints need, `handler` answers one request after the other; one module for
each group of endpoints (`blobs`, `uploads`, `manifests`, `tags`, `catalog`, `referrers`, `tokens`, `metrics`);
`answers` and `files` make responses, `bodies` reads requests.
"""
