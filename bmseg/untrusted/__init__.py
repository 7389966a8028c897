"""Strangers' bytes, reviewed together: ZIPs and folders, gzip streams, headers, masks, checkpoints.

Nothing here knows of boards or methods: `listing` lists files unread, `zip_entries` and `gzip_stream` bound
what is read, `header`, `mask` and `metaimage` judge masks, `checkpoints` and `named_classes` weights.
"""
