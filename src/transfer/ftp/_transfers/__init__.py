"""Uploads and downloads: one file, a tree, what was interrupted, what has to be right."""
