"""The pages of the desk: rendered by the server, with a little script, and nothing that is built."""
