"""What happened: the fold that turns records into what a face may show."""
