"""Bytes from strangers: ZIP entries, gzip streams, headers, masks. Reviewed together."""
