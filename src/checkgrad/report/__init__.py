"""The room that turns decisions into a report for a person."""
