"""The command line `hitl`: finds its commands by entry point and imports none of them before it is used."""
