"""From a container's record to its OCI runtime spec: `build` runs a table of pure steps over a `SpecInput`.

Each step fills in one part of the spec and lives in the module of its subject. What must be read from the host
(`host`, `devices`) is read before and comes in as data, so that specs are tested without root. What is not here:
deciding what a request means by default (``container.defaults``) and doing any of it (``runtime``).
"""
