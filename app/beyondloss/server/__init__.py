"""The server process: listen, serve the pages, watch the folders, keep one worker running. Knows no page and no SQL."""
