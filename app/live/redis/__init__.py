"""Many processes, one Parlor: what they tell each other over Redis. The only home of redis-py.

Nothing depends on it: what Redis does not bring, or brings late, is found in the database (app/live/feed.py).
"""
