"""The domain: places, people, accessibility and needs. No HTTP, no HTML."""
