"""Engines: what turns a request into a completion. `catena.engines.base` holds the protocol."""
