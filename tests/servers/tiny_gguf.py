"""Write a tiny llama-architecture GGUF model that babbles readable Markdown.

No weights are downloaded. Everything is derived from --seed, so the same seed
and the same versions of numpy/gguf give the same file, byte for byte.

    pip install gguf numpy
    python tiny_gguf.py tiny-babble.gguf [--seed 7] [--ctx 32768]

How it works. The network is a real 2-layer llama (RMSNorm, RoPE attention,
SwiGLU), mostly random, with three parts of the residual stream laid out by hand
so that what it samples can be read and so that it stops:

  dim 0            a constant
  CLASS dims       one-hot word class of the current token (noun, verb, stop ...)
  MARK dims        which mode a token switches on (only "marker" tokens have one)
  MODE dims        written by head 0 of layer 0: the mode of the LATEST marker
  TOOLS dim        written by head 1 of layer 0: "</tools>" is somewhere above
  the rest         random; read by the output matrix as per-context noise

The output matrix turns (class, mode) into log-probabilities of the next class,
so the text is a class-level Markov chain: sentences, paragraphs, headings,
bullets, code fences, emoji split over several tokens. Modes: TEXT after
<|im_start|> or </think>, THINK after <think> (ends itself with </think>), JSON
after <tool_call> or "{" (strings and numbers end soon under a grammar). With
tools in the prompt it opens a <tool_call> about every second time it could.
The mode is sure for about 1800 tokens after its marker and drifts after that.
"""
# ruff: noqa: E501, E741, N806, SIM905
# Matrices and dimensions carry the capitals of the papers they come from; word lists and the template read best whole.

from __future__ import annotations

import argparse
import itertools
import math

import gguf
import numpy as np

D, HEADS, LAYERS, FF = 128, 4, 2, 256
HD = D // HEADS
ROPE_BASE = 1.0e7

# ------------------------------------------------------------------ vocabulary

DET = "the a this that every each one another some any no our their its your my".split()
ADJ = (
    "quiet small bright early simple careful distant honest curious gentle rapid steady plain "
    "modern golden hollow narrow patient random silent subtle tidy useful vivid warm wide young "
    "ancient brave clever daily eager famous global hidden local magic neat open proud round"
).split()
NOUN = (
    "signal window garden river engine letter mountain buffer compiler pattern answer question "
    "harbor lantern market memory morning network number object orange packet paper pencil "
    "planet pocket queue reader record road server shadow stream street summer system table "
    "teacher thread token tower train tree village voice water weather winter word worker "
    "address balance bridge button circle client cloud corner desk doctor door evening field "
    "forest friend function habit idea island kernel key kitchen lake language lesson light "
    "machine map message model moment music night notebook ocean"
).split()
VERB = (
    "follows builds carries finds holds keeps leaves makes meets moves needs opens paints reads "
    "reaches remembers returns sends shows sorts starts stores takes tells touches turns "
    "understands updates watches writes answers becomes calls checks counts describes draws "
    "explains fills gives"
).split()
PREP = "of in on under over near behind beyond inside with without through across before after from to for between against".split()
ADV = "slowly quickly often rarely always never again today together quietly almost perhaps simply soon".split()
CONJ = "and but or because while although so when if unless".split()
HEAD = "Overview Background Example Details Summary Notes Results Method Questions Outlook".split()
CODE = [
    "    return value\n",
    "    total = total + 1\n",
    "for item in items:\n",
    "    print(item)\n",
    "def run(state):\n",
    "if ready:\n",
    "    queue.append(item)\n",
    "value = load(path)\n",
    "    count += len(item)\n",
    "# keep the order\n",
]
EMOJI = ["\U0001f600", "\U0001f604", "\U0001f609", "\U0001f60a", "\U0001f60e"]  # all f0 9f 98 xx

# name: (pieces, space in front?)
CLASSES = {
    "OTHER": [],  # raw bytes, sub-words: only when a grammar asks for them
    "CONTROL": [],  # never
    "DET": [" " + w for w in DET],
    "ADJ": [" " + w for w in ADJ],
    "NOUN": [" " + w for w in NOUN],
    "VERB": [" " + w for w in VERB],
    "PREP": [" " + w for w in PREP],
    "ADV": [" " + w for w in ADV],
    "CONJ": [" " + w for w in CONJ],
    "BOLD": [f" **{w}**" for w in NOUN[:24]],
    "ICODE": [f" `{w}`" for w in ("buffer", "queue", "stream()", "model", "state", "None", "run")],
    "NUM": [f" {n}" for n in (2, 3, 4, 7, 12, 40, 100, 250, 1024)],
    "COMMA": [","],
    "STOP": [".", "!", "?"],
    "SENT": [" " + w.capitalize() for w in DET],  # sentence start, mid paragraph
    "PARA": ["\n\n"],
    "LINE": [w.capitalize() for w in DET],  # first word of a line
    "HASH": ["## ", "### "],
    "HEAD": HEAD,
    "BULLET": ["- "],
    "ITEM": [w.capitalize() for w in NOUN[:40]],
    "NL": ["\n"],
    "FENCE": ["```python\n"],
    "CODE": CODE,
    "UNFENCE": ["```\n\n"],
    "EMO1": [" \xf0\x9f"],  # latin-1 spelled bytes: three tokens make one emoji
    "EMO2": ["\x98"],
    "EMO3": ["\x80", "\x84", "\x89", "\x8a", "\x8e"],
    "QUOTE": ['"'],
    "DIGIT": list("0123456789"),
    "JCLOSE": ["}", "]"],
    "JOPEN": ["{", "[", ":"],
    "UNTHINK": ["</think>"],
    "CALL": ["<tool_call>"],
    "UNCALL": ["</tool_call>"],
    "EOS": ["<|im_end|>"],
}
BYTE_CLASSES = {"EMO1", "EMO2", "EMO3"}
NAMES = list(CLASSES)
K = len(NAMES)
CI = {n: i for i, n in enumerate(NAMES)}

# what follows what (probabilities; rows are normalised, the rest gets FLOOR)
NEXT = {
    "DET": {"ADJ": 0.35, "NOUN": 0.55, "BOLD": 0.05, "ICODE": 0.05},
    "ADJ": {"NOUN": 0.85, "ADJ": 0.05, "BOLD": 0.05, "COMMA": 0.05},
    "NOUN": {"VERB": 0.38, "PREP": 0.25, "STOP": 0.17, "COMMA": 0.06, "CONJ": 0.07, "ADV": 0.05, "EMO1": 0.015},
    "BOLD": {"VERB": 0.5, "PREP": 0.2, "STOP": 0.3},
    "ICODE": {"VERB": 0.5, "PREP": 0.2, "STOP": 0.3},
    "NUM": {"NOUN": 0.9, "ADJ": 0.1},
    "VERB": {"DET": 0.65, "ADV": 0.12, "PREP": 0.12, "NUM": 0.06, "STOP": 0.05},
    "PREP": {"DET": 0.8, "NOUN": 0.12, "ICODE": 0.04, "NUM": 0.04},
    "ADV": {"STOP": 0.3, "PREP": 0.3, "COMMA": 0.1, "DET": 0.3},
    "CONJ": {"DET": 0.85, "NOUN": 0.15},
    "COMMA": {"CONJ": 0.5, "DET": 0.4, "PREP": 0.1},
    "STOP": {"SENT": 0.62, "PARA": 0.25, "EOS": 0.13},
    "SENT": {"ADJ": 0.35, "NOUN": 0.65},
    "PARA": {"LINE": 0.62, "HASH": 0.12, "BULLET": 0.16, "FENCE": 0.10},
    "LINE": {"ADJ": 0.35, "NOUN": 0.65},
    "HASH": {"HEAD": 1.0},
    "HEAD": {"PARA": 1.0},
    "BULLET": {"ITEM": 1.0},
    "ITEM": {"VERB": 0.6, "PREP": 0.2, "NL": 0.2},
    "NL": {"BULLET": 0.45, "LINE": 0.45, "PARA": 0.10},
    "FENCE": {"CODE": 1.0},
    "CODE": {"CODE": 0.8, "UNFENCE": 0.2},
    "UNFENCE": {"LINE": 0.75, "BULLET": 0.1, "EOS": 0.15},
    "EMO1": {"EMO2": 1.0},
    "EMO2": {"EMO3": 1.0},
    "EMO3": {"STOP": 0.6, "VERB": 0.4},
    "UNTHINK": {"PARA": 1.0},
    "CALL": {"NL": 1.0},
    "UNCALL": {"EOS": 0.85, "NL": 0.15},
    "EOS": {"NL": 1.0},
    "QUOTE": {"ITEM": 0.6, "LINE": 0.4},
    "DIGIT": {"DIGIT": 0.3, "COMMA": 0.4, "JCLOSE": 0.3},
    "JOPEN": {"QUOTE": 0.8, "DIGIT": 0.2},
    "JCLOSE": {"COMMA": 0.4, "JCLOSE": 0.6},
    "OTHER": {"LINE": 0.5, "NOUN": 0.5},
    "CONTROL": {"LINE": 1.0},
}
FLOOR = math.log(1e-6)
BASE = {"OTHER": -9.0, "CONTROL": -60.0, "UNCALL": -3.0}  # added whatever came before
# Next-class odds that count only in one mode: the row is written BOOST lower,
# and that mode (or the TOOLS flag) adds BOOST back.
BOOST = 24.0
IN_THINK = {"STOP": 0.20}  # -> UNTHINK
IN_TOOLS = {"PARA": 1.5}  # -> CALL, against 1.0 for all the others after a blank line

MODES = ("TEXT", "THINK", "JSON")
M = len(MODES)
MODE_BIAS = {
    "TEXT": {},
    "THINK": {"EOS": -40.0, "FENCE": -9.0, "HASH": -9.0, "BULLET": -9.0},
    "JSON": {
        "QUOTE": +12.0,
        "JCLOSE": +8.0,
        "COMMA": +4.0,
        "EOS": -2.0,
        "EMO1": -9.0,
        "FENCE": -20.0,
        "DIGIT": +2.0,
        "HASH": -20.0,
        "NL": -6.0,
        "PARA": -12.0,
        "BULLET": -12.0,
        "CODE": -20.0,
    },
}
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
USER = [
    "<think>",
    "</think>",
    "<tool_call>",
    "</tool_call>",
    "<tool_response>",
    "</tool_response>",
    "<tools>",
    "</tools>",
]
ROLES = ["system", "user", "assistant", "tool"]
MARKER = {
    "<|im_start|>": "TEXT",
    "</think>": "TEXT",
    "</tool_call>": "TEXT",
    "<think>": "THINK",
    "<tool_call>": "JSON",
    "{": "JSON",
    "}": "JSON",
    "[": "JSON",
}

TEMPLATE = r"""{%- if tools %}
    {{- '<|im_start|>system\n' }}
    {%- if messages[0].role == 'system' %}{{- messages[0].content + '\n\n' }}{%- endif %}
    {{- '# Tools\n\nYou may call one or more functions.\n\n<tools>' }}
    {%- for tool in tools %}{{- '\n' }}{{- tool | tojson }}{%- endfor %}
    {{- '\n</tools>\n\nReturn each call as\n<tool_call>\n{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call><|im_end|>\n' }}
{%- elif messages[0].role == 'system' %}
    {{- '<|im_start|>system\n' + messages[0].content + '<|im_end|>\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if message.role == 'user' or (message.role == 'system' and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}
    {%- elif message.role == 'assistant' %}
        {{- '<|im_start|>assistant\n' }}
        {%- if message.reasoning_content and loop.last %}{{- '<think>\n' + message.reasoning_content + '\n</think>\n\n' }}{%- endif %}
        {%- if message.content %}{{- message.content }}{%- endif %}
        {%- if message.tool_calls %}
            {%- for tool_call in message.tool_calls %}
                {%- if tool_call.function %}{%- set tool_call = tool_call.function %}{%- endif %}
                {{- '\n<tool_call>\n{"name": "' + tool_call.name + '", "arguments": ' }}
                {%- if tool_call.arguments is string %}{{- tool_call.arguments }}{%- else %}{{- tool_call.arguments | tojson }}{%- endif %}
                {{- '}\n</tool_call>' }}
            {%- endfor %}
        {%- endif %}
        {{- '<|im_end|>\n' }}
    {%- elif message.role == 'tool' %}
        {{- '<|im_start|>user\n<tool_response>\n' + message.content + '\n</tool_response><|im_end|>\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\n\n</think>\n\n' }}
    {%- else %}
        {{- '<think>\n' }}
    {%- endif %}
{%- endif %}
"""


def byte_alphabet():
    """GPT-2's printable stand-in for each byte."""
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    out, n = {}, 0
    for b in range(256):
        if b in keep:
            out[b] = chr(b)
        else:
            out[b] = chr(256 + n)
            n += 1
    return out


ALPHA = byte_alphabet()


def spell(raw: bytes) -> str:
    return "".join(ALPHA[b] for b in raw)


def learn_merges(words, count):
    """A few plain BPE merges, so that unknown words do not fall to single bytes."""
    corpus = [list(spell(w.encode())) for w in words]
    merges = []
    for _ in range(count):
        pairs = {}
        for w in corpus:
            for p in itertools.pairwise(w):
                pairs[p] = pairs.get(p, 0) + 1
        if not pairs:
            break
        best = max(sorted(pairs), key=pairs.get)
        if pairs[best] < 2:
            break
        merges.append(best)
        for w in corpus:
            i = 0
            while i < len(w) - 1:
                if (w[i], w[i + 1]) == best:
                    w[i : i + 2] = [w[i] + w[i + 1]]
                else:
                    i += 1
    return merges


def build_vocab():
    tokens, cls, kind = [], [], []
    seen = {}
    T = gguf.TokenType

    def add(text, c, k=T.NORMAL):
        if text in seen:
            i = seen[text]
            if NAMES[cls[i]] == "OTHER":
                cls[i] = CI[c]
            return
        seen[text] = len(tokens)
        tokens.append(text)
        cls.append(CI[c])
        kind.append(k)

    for b in range(256):
        add(ALPHA[b], "OTHER")
    for name, pieces in CLASSES.items():
        if name in ("UNTHINK", "CALL", "UNCALL", "EOS"):
            continue
        for p in pieces:
            raw = p.encode("latin-1") if name in BYTE_CLASSES else p.encode()
            add(spell(raw), name)
    for w in ROLES + [x for ws in (DET, ADJ, NOUN, VERB, PREP, ADV, CONJ) for x in ws]:
        add(spell(w.encode()), "OTHER")
    merges = learn_merges(
        [(" " if i % 2 else "") + w for ws in (DET, ADJ, NOUN, VERB, PREP, ADV, CONJ) for i, w in enumerate(ws)], 300
    )
    for a, b in merges:
        add(a + b, "OTHER")
    for s in SPECIAL:
        add(s, "EOS" if s == "<|im_end|>" else "CONTROL", T.CONTROL)
    for s in USER:
        add(
            s,
            {"</think>": "UNTHINK", "<tool_call>": "CALL", "</tool_call>": "UNCALL"}.get(s, "CONTROL"),
            T.USER_DEFINED,
        )
    return tokens, np.array(cls), kind, [f"{a} {b}" for a, b in merges], seen


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("out")
    ap.add_argument("--seed", type=int, default=7)
    ap.add_argument("--ctx", type=int, default=32768, help="trained context length in the metadata")
    ap.add_argument("--name", default="Tiny Babble")
    args = ap.parse_args()
    rng = np.random.default_rng(args.seed)
    f32 = np.float32
    tokens, cls, kind, merges, ids = build_vocab()
    V = len(tokens)

    CLASS0, MARK0 = 1, 1 + K
    MODE0 = MARK0 + M
    SINK, STRONG, TOOLKEY, TOOLS, REST = (MODE0 + M + i for i in range(5))
    assert REST + 32 <= D, REST

    # token embeddings: same norm for all, so that RMSNorm is a known scale
    emb = np.zeros((V, D))
    emb[:, 0] = 1.0
    emb[np.arange(V), CLASS0 + cls] = 1.0
    for text, mode in MARKER.items():
        emb[ids[text], MARK0 + MODES.index(mode)] = 1.0
    emb[ids["<|im_start|>"], SINK] = 1.0
    emb[ids["</think>"], STRONG] = 1.0  # outweighs the <think> just before it, however far back
    emb[ids["</tools>"], TOOLKEY] = 1.0
    rnd = rng.standard_normal((V, D - REST))
    want = 4.0 - (emb**2).sum(1)
    emb[:, REST:] = rnd / np.linalg.norm(rnd, axis=1, keepdims=True) * np.sqrt(want)[:, None]
    g0 = math.sqrt(D / 4.0)  # RMSNorm gain at layer 0
    g1 = math.sqrt(D / 5.2)  # about the gain after layer 0 wrote mode (1.0) and noise (~0.2)

    def rand(n_out, n_in, scale):
        return rng.standard_normal((n_out, n_in)) * scale / math.sqrt(n_in)

    w = {}
    for l in range(LAYERS):
        q, k, v = rand(D, D, 0.6), rand(D, D, 0.6), rand(D, D, 0.3)
        o = rand(D, D, 0.12)
        up, gate, down = rand(FF, D, 0.8), rand(FF, D, 0.8), rand(D, FF, 0.12)
        o[:REST] = 0.0  # random parts write only to the random dims
        down[:REST] = 0.0
        if l == 0:  # head 0: copy the mode of the latest marker
            for t in (q, k, v):
                t[: 2 * HD] = 0.0
            o[:, : 2 * HD] = 0.0
            freqs = ROPE_BASE ** (-np.arange(0, HD, 2) / HD)
            pair = int(np.argmin(abs(freqs - 1e-3)))
            slope = 2.0  # nats per token of distance
            A = slope / freqs[pair]
            B = A + 60.0
            root = math.sqrt(math.sqrt(HD))  # split between q and k
            # RoPE pairs (2i, 2i+1): k=(1,0), q=(0,A) gives -A sin(theta*distance)
            q[2 * pair + 1, 0] = math.sqrt(A) * root / g0
            k[2 * pair, MARK0 : MARK0 + M] = math.sqrt(A) * root / g0
            q[HD - 2, 0] = math.sqrt(B) * root / g0  # slowest pair: as good as unrotated
            k[HD - 2, MARK0 : MARK0 + M] = math.sqrt(B) * root / g0
            k[HD - 2, STRONG] = 6.0 / B * math.sqrt(B) * root / g0
            for m in range(M):
                v[m, MARK0 + m] = 1.0 / g0
                o[MODE0 + m, m] = 1.0
            # head 1: look for </tools>, else rest on <|im_start|>
            q[2 * HD - 2, 0] = root / g0
            k[2 * HD - 2, SINK] = 40.0 * root / g0
            k[2 * HD - 2, TOOLKEY] = 60.0 * root / g0
            v[HD, TOOLKEY] = 1.0 / g0
            o[TOOLS, HD] = 1.0
        w[l] = {
            "attn_q": q,
            "attn_k": k,
            "attn_v": v,
            "attn_output": o,
            "ffn_up": up,
            "ffn_gate": gate,
            "ffn_down": down,
        }

    # output matrix: log P(next class | class) + mode bias + log P(token | class) + noise
    size = np.bincount(cls, minlength=K)
    out = np.zeros((V, D))
    logt = np.full((K, K), FLOOR)
    for a, row in NEXT.items():
        s = sum(row.values())
        for b, p in row.items():
            logt[CI[a], CI[b]] = math.log(p / s)
    logt[CI["CALL"], CI["NL"]] = 14.0  # beats the JSON mode's dislike of line ends
    logt[CI["JCLOSE"], CI["UNCALL"]] = 8.0  # where a call may end it mostly does, sometimes "," adds one
    base = np.array([BASE.get(n, 0.0) for n in NAMES])
    for c, odds in (("UNTHINK", IN_THINK), ("CALL", IN_TOOLS)):
        logt[:, CI[c]] = FLOOR - BOOST
        for a, p in odds.items():
            logt[CI[a], CI[c]] = math.log(p) - BOOST
    bias = {m: dict(MODE_BIAS[m]) for m in MODES}
    bias["THINK"]["UNTHINK"] = BOOST
    bias["THINK"]["CALL"] = -BOOST
    out[:, 0] = (base[cls] - np.log(np.maximum(size[cls], 1))) / g1
    out[:, CLASS0 : CLASS0 + K] = logt[:, cls].T / g1
    for m, mode in enumerate(MODES):
        row = np.array([bias[mode].get(n, 0.0) for n in NAMES])
        out[:, MODE0 + m] = row[cls] / g1
    out[:, TOOLS] = np.where(cls == CI["CALL"], BOOST, 0.0) / g1
    out[:, REST:] = rng.standard_normal((V, D - REST)) * 0.12
    for n in ("CALL", "UNTHINK", "EOS"):  # keep these odds as written
        out[cls == CI[n], REST:] = 0.0

    wr = gguf.GGUFWriter(args.out, "llama")
    wr.add_name(args.name)
    wr.add_type("model")
    wr.add_description(f"random test model, seed {args.seed}; made locally, holds no trained weights")
    wr.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    wr.add_context_length(args.ctx)
    wr.add_embedding_length(D)
    wr.add_block_count(LAYERS)
    wr.add_feed_forward_length(FF)
    wr.add_head_count(HEADS)
    wr.add_head_count_kv(HEADS)
    wr.add_rope_dimension_count(HD)
    wr.add_rope_freq_base(ROPE_BASE)
    wr.add_layer_norm_rms_eps(1e-6)
    wr.add_vocab_size(V)
    wr.add_tokenizer_model("gpt2")
    wr.add_tokenizer_pre("llama-bpe")  # this one looks whole words up before merging
    wr.add_token_list(tokens)
    wr.add_token_types(kind)
    wr.add_token_merges(merges)
    wr.add_bos_token_id(ids["<|endoftext|>"])
    wr.add_eos_token_id(ids["<|im_end|>"])
    wr.add_pad_token_id(ids["<|endoftext|>"])
    wr.add_add_bos_token(False)
    wr.add_chat_template(TEMPLATE)
    wr.add_tensor("token_embd.weight", emb.astype(np.float16))
    ones = np.ones(D, dtype=f32)
    for l in range(LAYERS):
        wr.add_tensor(f"blk.{l}.attn_norm.weight", ones)
        wr.add_tensor(f"blk.{l}.ffn_norm.weight", ones)
        for n, t in w[l].items():
            wr.add_tensor(f"blk.{l}.{n}.weight", t.astype(f32))
    wr.add_tensor("output_norm.weight", ones)
    wr.add_tensor("output.weight", out.astype(np.float16))
    wr.write_header_to_file()
    wr.write_kv_data_to_file()
    wr.write_tensors_to_file()
    wr.close()
    print(f"{args.out}: vocab {V}, dim {D}, layers {LAYERS}, seed {args.seed}")


if __name__ == "__main__":
    main()
