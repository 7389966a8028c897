"""Strangers' bytes, reviewed together: ZIPs and folders, gzip streams, headers, masks, checkpoints.

Nothing here knows of boards or methods: `listing` lists files unread, `compressed` bounds what is read,
`header`, `mask` and `metaimage` judge masks, `checkpoints` and `named_classes` weights.
"""
