"""What all pages of a workspace share: the look, the bar that leads from one to another, their frame."""

from bmseg.pages.frame import Link, environment, frame, links, templates, write_page_list
from bmseg.pages.glossary import Glossed, glossed

__all__ = ["Glossed", "Link", "environment", "frame", "glossed", "links", "templates", "write_page_list"]
