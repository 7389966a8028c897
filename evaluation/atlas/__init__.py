"""A reference atlas: from marked exams to pages that readers calibrate by.

`choice` takes knees (or whole exams) spread over age, `signal` says how bright a level is where it was
marked, `pictures` cuts what is shown, and `pages` draws it.
"""
