"""Hosts, acted out: a PaaS that takes a `git push`, IIS that reads web.config, Azure that finds app/wsgi.py."""
