"""The reading room: one page on which readers score masks without knowing whose they are.

`build` makes the page from a workspace or from folders (`shown`), in an order that is drawn, and its key
(`records`). The page saves a reader's scores; `unblind` joins them with the key, and `table2` makes Table 2.
"""
