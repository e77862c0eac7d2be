"""What the pipeline reaches, from its own events: figures, windows, and the view that Faust keeps of them."""
