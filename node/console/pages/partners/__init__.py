"""Pages about partners: who they are, their hits, disputes and proposals, recipients, the report to print."""
