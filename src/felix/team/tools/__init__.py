"""What agents may use: tools, the leave that is asked for them, and the results they bring."""
