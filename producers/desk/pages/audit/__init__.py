"""What auditors look at: any request's whole story, the models and the policies; nothing here changes anything."""
