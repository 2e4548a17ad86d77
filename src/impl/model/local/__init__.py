"""The questions that only implementation research asks of a fit: adaptation, delivery, what lasts."""
