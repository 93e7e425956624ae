"""The kill campaign: service, worker and database killed at random moments under load, and what must hold afterwards (``make torture``)."""
