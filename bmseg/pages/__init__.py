"""What all pages of a workspace share: the look, the bar that leads from one to another, their frame."""

from bmseg.pages.frame import Link, environment, frame, links, write_page_list

__all__ = ["Link", "environment", "frame", "links", "write_page_list"]
