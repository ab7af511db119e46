"""The engine's news: what happened to which object, told to everybody who listens and stored for those who ask later.

``service`` takes events, keeps them and streams them; ``filter`` decides who wants to hear which. What is not here:
deciding that something is worth telling, which is the business of whoever does it. Imports ``api.types`` and ``store``.
"""

from corral.engine.events.service import EventService

__all__ = ["EventService"]
