"""The reference atlas of a workspace: which training exams, what is said of them, HTML and PDF."""
