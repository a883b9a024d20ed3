"""LM Studio: its own interface where that tells more, `/api/v1`, and the OpenAI dialect for everything else."""
