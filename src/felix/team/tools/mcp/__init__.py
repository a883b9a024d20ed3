"""Tools of MCP servers: programs that are started here, or addresses; see `servers` for all of them at once.

The package `mcp` is an extra. It is imported when the first server is started, and nowhere before.
"""
