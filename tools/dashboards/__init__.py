"""Grafana's dashboards, written from a form that people can read and review."""
