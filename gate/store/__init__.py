"""The files of one data folder: one writer each, durable before anything green is shown."""
