"""Rehearsal: a real HTTP server on loopback that answers every prompt of a recipe for nothing, with errors of known rate."""
