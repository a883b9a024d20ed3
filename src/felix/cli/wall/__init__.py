"""A run on a whole terminal: a pane for each agent, the round and the clock above, the synthesis below.

Everything shown comes from a `RunState`; the wall interprets nothing itself. Only what has changed is drawn, a few
times a second. Rich takes a while to import, so whoever shows no wall imports none of this.
"""
