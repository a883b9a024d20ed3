"""Text of models on screen: streamed, marked, searched, rendered; one way in for all of it."""
