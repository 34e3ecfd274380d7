"""One module per trainer's folder layout, all behind `base.Reader`."""
