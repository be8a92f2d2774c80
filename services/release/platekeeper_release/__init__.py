"""Release: shares plate data with other agencies, only where policy opens a route."""
