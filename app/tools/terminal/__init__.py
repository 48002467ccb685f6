"""Parlor in a terminal: `chat` for people, `say` and `read` for scripts.

site.py (which site, who one is there), scripts.py (say, read), shown.py (what others wrote, harmless, as lines), and
for `chat`: chat.py (the conversation), commands.py (what can be typed), screen.py (lines in and out), prompt.py (the
same with history, completion and colours: alone knows prompt_toolkit).
"""
