"""Evaluate a workspace or plain folders: consensus, scores, comparisons, files."""
