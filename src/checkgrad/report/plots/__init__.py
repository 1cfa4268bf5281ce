"""The pictures of a report, by matplotlib, which is imported when the first one is drawn."""
