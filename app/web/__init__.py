"""The pages: aiohttp handlers and middlewares."""

from aiohttp import web

from app.chat import Chat

CHAT = web.AppKey("chat", Chat)  # for every handler
