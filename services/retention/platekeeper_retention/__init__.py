"""The records office: stores, searches, shows and keeps reads for as long as policy says."""
