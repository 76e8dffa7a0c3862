"""Downloads of models and data from public hubs: listing, resumable download, verification, records."""
