"""The demo model: a server of our own that speaks the real protocol and writes scripted text, so that Felix can be seen
at work without a model. It calls itself the demo model wherever it speaks."""

from felix.demo.completion import MODEL
from felix.demo.server import DemoServer, serve_forever

__all__ = ["MODEL", "DemoServer", "serve_forever"]
