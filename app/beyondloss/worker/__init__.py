"""The process that claims jobs, holds the model and writes answers. It meets the server only in the `job` table."""
