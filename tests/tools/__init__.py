"""Mirrors app/tools."""
