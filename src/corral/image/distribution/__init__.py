"""Images to and from registries.

`service` is the façade: pull, push, login, search, and what a registry knows of a name. `pull` and `push` are the use
cases; `selection` decides what of a manifest or an index is wanted, without asking anybody; `downloads` are the blobs
on their way in, each shared by all who wait for it; `forms` finds or makes the compressed forms of layers on their way
out; `messages` is Docker's progress, word for word. The protocol itself is in `registry`, which knows no store.

May import the image room's stores, ``archive``, ``api.types`` and leaves; nobody below imports it.
"""
