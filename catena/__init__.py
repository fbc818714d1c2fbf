"""Catena: verified reasoning data of any horizon, from a topic to a trained model."""

__version__ = "0.1.0"
