"""Dialogues about music whose every audible statement was heard."""

__version__ = "0.1.0"
