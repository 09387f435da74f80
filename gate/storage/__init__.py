"""A data folder: every file in it, the writer beside the reader."""
