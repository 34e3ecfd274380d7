"""The demo: a real fine-tune that goes wrong while its loss looks right, live or as recorded earlier.

`material` holds what is asked and where things lie, `train` is the training process, `live` runs it beside the server,
`record` keeps a run as a file and `recorded` opens it again.
"""
