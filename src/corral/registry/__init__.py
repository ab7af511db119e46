"""The embedded registry: a server of the OCI distribution specification 1.1, and nothing of the engine.

Lives here: what a repository holds (`storage`), who may do what with it (`auth`), how it is asked for over HTTP
(`web`), where it comes from when it is not there (`proxy`), and the process that does all that (`server`, `settings`).
Not here: the registry client that the engine pulls and pushes with (image/distribution), and images in any other sense:
the server knows manifests as far as it must to tell what they refer to.

May import `corral.store`, `corral.oci`, `corral.errors` and aiohttp; siblings (image, network, ...) are out of reach.
Nothing else of corral imports it except the verbs in `corral.cli.registry`.

Words, as the specification has them: a *blob* is content with a digest; a *manifest* is a JSON document that refers to
blobs and manifests of its *repository*; a *tag* names a manifest; a *referrer* is a manifest that has another as its
*subject*.
"""
