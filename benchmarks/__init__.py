"""Speed as ratios: each thing against a peer or a limit, in one run, medians of several. See README.md here."""
