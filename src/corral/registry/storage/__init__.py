"""What the registry keeps: blobs by digest, and an index of which repository has which of them.

A blob file belongs to no repository; it is visible in those that have a *link* to it. Manifests are content like any
other, with a row of their own. So nothing that a crash leaves behind is ever visible: a link is written after its blob
is on disk, and acknowledged after the link is.

Modules: `index` (the database), `schema`, `manifest` (what a manifest refers to), `uploads` (sessions), `storage` (all
of them, with the rules of what happens in which order), `collector` (what nobody refers to goes away).
"""
