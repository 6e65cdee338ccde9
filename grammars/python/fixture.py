#!/usr/bin/env python3
"""Serves files.

Slowly."""
from __future__ import annotations
#                      ^^^^^^^^^^^ import "__future__"
import os.path, json as j
#      ^^^^^^^ import "os.path"
#               ^^^^ import "json"
from .store import Store, open_store as opener
#    ^^^^^^ import ".store"
#                  ^^^^^ import
#                         ^^^^^^^^^^ import

LIMIT = 3
TABLE = {
# <- constant TABLE 16-21
    "a": opener,
#        ^^^^^^ name
    "b": lambda: None,
}


@cached(maxsize=LIMIT)
#^^^^^^ call
#       ^^^^^^^ nothing
async def load(path: Path, mode: str = "r") -> list[Record]:
#         ^^^^ function load 24-39 doc="Reads a file."
#                    ^^^^ type
#                                                   ^^^^^^ type
    """Reads a file."""
    # ghost_name() is not called.
#     ^^^^^^^^^^ nothing

    def inner():
        return parse(path)
#              ^^^^^ call

    return await store.fetch(inner)
#                      ^^^^^ call

# Keeps the connection.
# For ever.
class Server(Base, mixins.Logged):
#     ^^^^^^ class Server 42-52,57-58,64 doc="Keeps the connection. For ever. A server."
#            ^^^^ type
#                         ^^^^^^ type
    """A server."""

    port: int = 80

    def __init__(self, port: int) -> None:
#       ^^^^^^^^ method Server.__init__ 52-55
        self.port = port
        super().__init__()

    @property
    def url(self) -> str:
#       ^^^ method Server.url 57-62 doc="Where it is."
        '''Where it is.'''
        if not self.port:
            raise Missing(self.port)
#                 ^^^^^^^ call
    class Options:
#         ^^^^^^^ class Server.Options
        deep = True

def main(): return Server(LIMIT)
#   ^^^^ function main
#                  ^^^^^^ call
#                         ^^^^^ name

type Pair = tuple[Server, Server]
#    ^^^^ type Pair

if __name__ == "__main__":
    main()
#   ^^^^ call
