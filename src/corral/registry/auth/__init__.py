"""Who is asking, and what they may do: `htpasswd` (names and passwords), `rules` (what a name may do with a
repository), `tokens` (signed statements of both, for a few minutes), `access` (all of them, as one decision).

Source: RFC 7617 (Basic), RFC 6750 (Bearer), RFC 7519 (JWT); the token protocol is that of Docker's registry.
"""
