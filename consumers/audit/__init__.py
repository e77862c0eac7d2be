"""What happened, counted from the topics by a plain reader: show, reconcile, export, figures."""
