"""Runs llama.cpp's own HTTP server, from the xllamacpp wheel, until it is terminated.

    python serve_llamacpp.py MODEL [--slots 4] [--ctx 16384] [--think] [--api-key KEY]

Prints "listening on" and the address. A process of its own, so that a crash in native code is not the test suite's.
"""

from __future__ import annotations

import argparse
import signal
import threading

import xllamacpp


def main() -> None:
    parser = argparse.ArgumentParser(description="llama.cpp's server on a local model")
    parser.add_argument("model")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("--ctx", type=int, default=16384, help="total context, shared by the slots")
    parser.add_argument("--alias", default="tiny-babble")
    parser.add_argument("--api-key", default="")
    parser.add_argument("--think", action="store_true", help="reasoning on unless a request says otherwise")
    args = parser.parse_args()

    params = xllamacpp.CommonParams()
    params.model.path = args.model
    params.model_alias = {args.alias}
    params.hostnames = ["127.0.0.1"]
    params.port = args.port
    params.n_parallel = args.slots
    params.n_ctx = args.ctx
    params.n_predict = -1
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    params.n_gpu_layers = 0
    params.fit_params = False
    params.warmup = False
    params.use_jinja = True
    params.endpoint_slots = True
    params.endpoint_props = True
    params.default_template_kwargs = {"enable_thinking": "true" if args.think else "false"}
    if args.api_key:
        params.api_keys = [args.api_key]

    server = xllamacpp.Server(params)
    print("listening on", server.listening_address, flush=True)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
    del server


if __name__ == "__main__":
    main()
