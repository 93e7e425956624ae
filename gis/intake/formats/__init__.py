"""Readers: every format becomes a :class:`Source` of batches of text columns, with geometry where the file has it."""
