"""Routes of App Mesh as Envoy's: what they match, where they lead, and by which weights."""
