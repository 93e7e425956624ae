"""Masks: what is shown of a protected value to whoever has not asked for it."""

from __future__ import annotations


def mask(value: str | None, head: int, tail: int) -> str | None:
    """Return ``value`` with all but its first ``head`` and last ``tail`` characters as asterisks: ``138****1234``.

    A value so short that less than a third of it would be hidden is hidden whole.
    """
    if value is None:
        return None
    hidden = len(value) - head - tail
    return "*" * len(value) if hidden * 3 < len(value) else value[:head] + "*" * hidden + value[len(value) - tail :]


def mask_phone(value: str | None) -> str | None:
    """Return a telephone number as ``138****1234``."""
    return mask(value, 3, 4)


def mask_id_number(value: str | None) -> str | None:
    """Return an ID number with the first three and last two signs: ``530***********12``."""
    return mask(value, 3, 2)


def mask_name(value: str | None) -> str | None:
    """Return a name with its first character alone: ``张*``."""
    return None if value is None else value[:1] + "*" * max(1, len(value) - 1)
