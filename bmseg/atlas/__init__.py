"""The atlas that readers calibrate by: each level's range, from training exams alone, as HTML and PDF.

`exams` says which exams may be shown and `choice` which knees are; `contents` is the atlas before it is
drawn, with its `pictures`, `signal` and `words`; `html` and `pdf` draw it, `build` puts it
in place, and `made` says from what.
"""
