"""The central server: holds every event's tickets and journals, and tells each device the rest."""
