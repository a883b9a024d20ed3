"""Many agents, one task: the helix they descend, what they are told, the hub they speak to, and its synthesis."""
