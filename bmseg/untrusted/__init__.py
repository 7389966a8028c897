"""Strangers' bytes, reviewed together: ZIPs and folders, gzip streams, headers, masks, names of classes.

Nothing here knows of boards or methods: `listing` lists files unread, `compressed` bounds what is read,
`header`, `mask`, `metaimage`, `nrrd` and `formats` judge masks, `named_classes` what weights name.
"""
